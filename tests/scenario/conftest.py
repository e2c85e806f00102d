"""The command line in this process, and a PC below a folder to run it against."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenario_bench import Bench
from scenario_cases import Run
from scenario_watch import Watch, make_watch
from support.command_line import controller, run


@pytest.fixture
def bench(controller: Bench) -> Bench:
    """Return a fresh controller and PC."""
    # What a command says of itself must not depend on what keeps the other tests going.
    controller.environ.delenv("GUIWEI_OVERRIDE_CALENDAR")
    return controller


@pytest.fixture
def watch(bench: Bench, run: Run) -> Watch:
    """Return a PC that is given secrets, watched."""
    return make_watch(bench, run)
