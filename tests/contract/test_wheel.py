"""The wheel: built from the source distribution, installed alone, and used as somebody would who has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from repository import REPOSITORY
from test_documents import READMES, first_playbook

from guiwei import __version__

#: Reached by links in the repository; real files in the wheel.
BUNDLED = ("modules", "products", "calendars", "schemas", "playbooks", "inventories", "lab")
#: Tests that run against the installed wheel: two modules' laws, the payload that it makes of itself, the agent.
AGAINST_THE_WHEEL = (
    "tests/laws/test_laws.py::test_laws[ini]",
    "tests/laws/test_laws.py::test_laws[service]",
    "tests/unit/transport/test_payload.py",
    "tests/unit/target/test_target_agent.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = folder.glob("*.whl")
    assert found.name == f"guiwei-{__version__}-py3-none-any.whl"
    return found


@dataclass(frozen=True)
class Installed:
    """A virtual environment that has the wheel for itself and borrows the dependencies."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def package(self) -> Path:
        (found,) = self.folder.glob("lib/python3*/site-packages/guiwei")
        return found

    def run(self, words: Sequence[str | Path], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GUIWEI_LANG")}
        return subprocess.run(
            [str(word) for word in words],
            cwd=folder,
            env={**clean, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def guiwei(self, words: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
        home = str(folder / "home")
        return self.run([self.folder / "bin" / "guiwei", *words], folder, GUIWEI_HOME=home, LC_ALL="C.UTF-8")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-deps"]
    more = ["--no-index", "--no-compile", "--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([*pip, *more, str(wheel)], check=True)
    made = Installed(folder)
    # Only this environment's dependencies are borrowed: its .pth files, and so its guiwei, are not read through this.
    (made.package.parent / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        # A link's kind stands in the upper bits of its attributes.
        assert [name for name, info in infos.items() if (info.external_attr >> 28) == 0o12] == []
        for folder in BUNDLED:
            wanted = _files_below(folder)
            assert wanted
            assert {name for name in infos if name.startswith(f"guiwei/{folder}/")} == wanted
            for name in wanted:
                assert archive.read(name) == (REPOSITORY / name.removeprefix("guiwei/")).read_bytes(), name
    assert f"guiwei-{__version__}.dist-info/licenses/LICENSE" in infos
    assert "guiwei/report/messages.yml" in infos
    assert not [name for name in infos if "__pycache__" in name or name.endswith(".pyc")]


def _files_below(folder: str) -> set[str]:
    paths = (path for path in (REPOSITORY / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"guiwei/{path.relative_to(REPOSITORY)}" for path in paths}


def test_the_package_that_is_used_is_the_wheel_s(installed: Installed, tmp_path: Path) -> None:
    for module in ("guiwei", "guiwei.modules.ini", "guiwei.lab.fleet"):
        found = installed.run([installed.python, "-c", f"import {module} as m; print(m.__file__)"], tmp_path)
        assert Path(found.stdout.strip()).is_relative_to(installed.folder), found.stderr


def test_the_commands_work(installed: Installed, tmp_path: Path) -> None:
    version = installed.guiwei(["--version"], tmp_path)
    assert version.stdout == f"guiwei {__version__}\n", version.stderr
    explained = installed.guiwei(["explain", "ini"], tmp_path)
    assert explained.returncode == 0, explained.stderr
    assert "encoding" in explained.stdout
    playbooks = installed.package / "playbooks"
    assert list(playbooks.glob("*.yml"))
    checked = installed.guiwei(["check", playbooks, "-i", installed.package / "inventories" / "lab"], tmp_path)
    assert checked.returncode == 0, checked.stderr
    schema = installed.guiwei(["schema", "playbook"], tmp_path)
    assert schema.stdout == (REPOSITORY / "schemas" / "playbook.json").read_text(encoding="utf-8")


def test_the_first_playbook_works(installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str]) -> int:
        assert words[0] == "guiwei"
        return installed.guiwei(words[1:], tmp_path).returncode

    first_playbook(READMES[0], tmp_path, run, monkeypatch)
    assert (tmp_path / "pc01/client/安全接入地址.txt").read_bytes() == b"https://skfp.example.cn:7008\r\n"


def test_tests_run_against_the_wheel(installed: Installed, tmp_path: Path) -> None:
    words = [
        str(installed.python),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "tests"),
    ]
    ended = installed.run([*words, *AGAINST_THE_WHEEL], REPOSITORY, PYTHONDONTWRITEBYTECODE="1")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert " passed" in ended.stdout
