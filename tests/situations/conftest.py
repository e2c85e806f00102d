"""A branch PC that something happens to, the bureau's upload server, and the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenario"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenario_bench import Bench
from support.command_line import controller, run

from lab.lantai.upload_server import UploadServer


@pytest.fixture
def bench(controller: Bench) -> Bench:
    """Return a fresh controller and PC."""
    return controller


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
