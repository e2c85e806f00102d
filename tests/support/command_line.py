"""Fixtures: the command line in this process, and a PC below a folder to run it against."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from scenario_bench import Bench, Result
from scenario_cases import Run

from guiwei.cli import _output
from guiwei.cli.main import main
from guiwei.report.console import make_console

__all__ = ["controller", "run"]


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
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield a fresh controller and PC; the working folder is the controller's, nothing of the user's is read."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "GUIWEI_INVENTORY", "GUIWEI_VAULT_PASSWORD_FILE", "XDG_STATE_HOME",
                 "SSH_AUTH_SOCK", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    made = Bench(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(made.folder / "home"))
    monkeypatch.setenv("GUIWEI_HOME", str(made.folder / "home" / "guiwei"))
    monkeypatch.setenv("GUIWEI_KNOWN_HOSTS", str(made.folder / "known_hosts"))
    monkeypatch.chdir(made.work)
    # No line is folded: where would depend on the length of this test's folder.
    monkeypatch.setattr(_output, "make_console", partial(make_console, width=400))
    # Nobody sits at the terminal of a test.
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with made.undo:
        yield made
