"""A branch PC that something happens to, the bureau's upload server, and the command line in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenario"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenario_bench import Bench, Result
from scenario_cases import Run

from guiwei.cli import _output
from guiwei.cli.main import main
from guiwei.report.console import make_console
from lab.lantai.upload_server import UploadServer


@pytest.fixture
def run(bench: Bench, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return `run(*argv, lang="en") -> Result`: one command, with both streams as the user sees them."""

    def call(*argv: str, lang: str = "en") -> Result:
        capfd.readouterr()
        bench.environ.setenv("GUIWEI_LANG", lang)
        code = main(list(argv))
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield a fresh controller and PC; nothing of the user's is read."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "GUIWEI_INVENTORY", "GUIWEI_VAULT_PASSWORD_FILE", "XDG_STATE_HOME",
                 "SSH_AUTH_SOCK", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    made = Bench(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(made.folder / "home"))
    monkeypatch.setenv("GUIWEI_HOME", str(made.folder / "home" / "guiwei"))
    monkeypatch.setenv("GUIWEI_KNOWN_HOSTS", str(made.folder / "known_hosts"))
    monkeypatch.chdir(made.work)
    monkeypatch.setattr(_output, "make_console", partial(make_console, width=400))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with made.undo:
        yield made


@pytest.fixture(scope="session")
def standing_bureau() -> Iterator[UploadServer]:
    """Yield the bureau's upload server: one for all PCs, as backups made before know its address."""
    with UploadServer() as server:
        yield server


@pytest.fixture
def bureau(standing_bureau: UploadServer) -> UploadServer:
    """Return the bureau's upload server in working order."""
    standing_bureau.failing, standing_bureau.dropping, standing_bureau.delay = False, 0, 0.0
    return standing_bureau
