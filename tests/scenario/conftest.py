"""The command line in this process, and a PC below a folder to run it against."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenario_bench import Bench, Result
from scenario_cases import Run
from scenario_watch import Watch, make_watch

from guiwei.cli import _output
from guiwei.cli.main import main
from guiwei.report.console import make_console


@pytest.fixture
def run(bench: Bench, capfd: pytest.CaptureFixture[str]) -> object:
    """Return `run(*argv, lang="en") -> Result`: one command, with both streams as the user sees them."""

    def call(*argv: str, lang: str = "en") -> Result:
        capfd.readouterr()
        bench.environ.setenv("GUIWEI_LANG", lang)
        code = main(list(argv))
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield a fresh controller and PC; the working folder is the controller's, nothing of the user's is read."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "GUIWEI_INVENTORY", "GUIWEI_VAULT_PASSWORD_FILE", "XDG_STATE_HOME",
                 "SSH_AUTH_SOCK", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    made = Bench(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(made.folder / "home"))
    monkeypatch.setenv("GUIWEI_HOME", str(made.folder / "home" / "guiwei"))
    monkeypatch.setenv("GUIWEI_KNOWN_HOSTS", str(made.folder / "known_hosts"))
    monkeypatch.chdir(made.work)
    # What a command says of itself must not depend on what keeps the other tests going.
    monkeypatch.delenv("GUIWEI_OVERRIDE_CALENDAR")
    # No line is folded: where would depend on the length of this test's folder.
    monkeypatch.setattr(_output, "make_console", partial(make_console, width=400))
    # Nobody sits at the terminal of a test.
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with made.undo:
        yield made


@pytest.fixture
def watch(bench: Bench, run: Run) -> Watch:
    """Return a PC that is given secrets, watched."""
    return make_watch(bench, run)
