"""The laws of every module that Windows has, on a real Windows CPython: the same harness, cases and mutants."""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from guiwei.lab.windows import parts
from guiwei.lab.windows.wine import WinePc

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "laws"))

from law_mutants import MUTANTS, ON_WINDOWS  # noqa: E402
from law_proof import WHOLE, Cell, cases, laws_for, markdown, modules  # noqa: E402

#: Windows has no owners and modes of this kind, and the modules that run programs are not there yet.
LINUX_ALONE = ("drop the mode", "wrong owner", "run nothing", "act without looking")

#: What the harness needs beside the standard library, as this environment has it.
NEEDED = ("hypothesis", "sortedcontainers")
#: What the harness is told by.
ASKED = [name for name in ("GUIWEI_PROOF", "GUIWEI_SEED") if name in os.environ]

Cells = dict[str, dict[str, Any]]


class Laws:
    """What came of each module's laws; each is run once, whichever test of whichever process wants it first."""

    def __init__(self, wine: WinePc, folder: Path) -> None:
        self._wine = wine
        self._folder = folder

    def cells(self, module: str) -> Cells:
        """Return law → what came of it."""
        kept = self._folder / f"{module}.json"
        with open(kept.with_suffix(".lock"), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                kept.write_text(json.dumps(self._run(module)), encoding="utf-8")
        found: Cells = json.loads(kept.read_text("utf-8"))
        return found

    def _run(self, module: str) -> Cells:
        wine = self._wine
        wheels = parts.wheel_folder(*(f"{name}=={importlib.metadata.version(name)}" for name in NEEDED))
        folders = [REPOSITORY / "tests" / "laws", REPOSITORY / "src", wheels]
        temporary = wine.drive / "temp"
        temporary.mkdir(exist_ok=True)
        done = wine.run(
            ["C:\\Python\\python.exe", "-X", "utf8", "-X", "pycache_prefix=C:\\pycache",
             wine.windows_path(Path(__file__).with_name("laws_on_windows.py")),
             "|".join(map(wine.windows_path, folders)), module],
            environment={"TEMP": "C:\\temp", "TMP": "C:\\temp", **{name: os.environ[name] for name in ASKED}},
            timeout=3000,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        cells = {cell["law"]: cell for cell in map(json.loads, done.stdout.decode("utf-8").splitlines())}
        # A law that fails may leave a file open; else nothing stays.
        left = [path.name for path in temporary.iterdir()]
        assert left == [] or any(cell["error"] for cell in cells.values()), left
        return cells


@pytest.fixture(scope="session")
def laws(wine: WinePc, tmp_path_factory: pytest.TempPathFactory) -> Laws:
    """The laws on this PC; parallel test processes share what came of them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "laws-on-windows"
    folder.mkdir(exist_ok=True)
    return Laws(wine, folder)


def test_the_slice_is_what_the_product_says_of_windows() -> None:
    assert {"file", "directory", "line", "ini", "sqlite", "query", "registry"} <= set(modules("windows"))


@pytest.mark.parametrize("module", modules("windows"))
def test_laws_on_windows(laws: Laws, module: str) -> None:
    cells = laws.cells(module)
    assert {law: cell["error"] for law, cell in cells.items() if cell["error"]} == {}
    assert {law: cell["survived"] for law, cell in cells.items() if cell["survived"]} == {}
    assert set(cells) == set(laws_for(module, cases()[module]))
    # Not vacuously: every law had something to say, and mutants were met and noticed.
    assert all(cell["held"] >= 1 for cell in cells.values())
    assert sum(cell["held"] for cell in cells.values()) >= 3 * len(cells)
    assert sum(len(cell["killed"]) for cell in cells.values()) >= 2


def test_every_mutant_was_met_on_windows(laws: Laws) -> None:
    made = {module: laws.cells(module) for module in modules("windows")}
    killed = {(name, law) for cells in made.values() for law, cell in cells.items() for name in cell["killed"]}
    mutants = [mutant for mutant in MUTANTS + ON_WINDOWS if mutant.name not in LINUX_ALONE]
    assert {(mutant.name, law) for mutant in mutants for law in mutant.laws} - killed == set()
    if WHOLE:
        whole = {
            (module, law): Cell(**{name: cell[name] for name in ("held", "rejected", "killed", "survived")})
            for module, cells in made.items()
            for law, cell in cells.items()
        }
        text = markdown(whole, "under Wine", mutants)
        (REPOSITORY / "docs" / "laws-windows.md").write_text(text, encoding="utf-8")
