"""A real sshd, guiwei as its own process, and pytest-testinfra with an SSH login of its own as the judge."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenario"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from hosts_bench import Machine
from scenario_bench import Bench
from support.sshd import SSHD, Sshd

#: A server that lets root in, and accounts and files of several owners.
needs_root_and_sshd = pytest.mark.skipif(
    os.geteuid() != 0 or SSHD is None, reason="needs root and sshd: apt-get install openssh-server openssh-client"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.root)
            item.add_marker(needs_root_and_sshd)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Yield a controller's folder, and a PC behind a real sshd with a root of its own."""
    bench = Bench(tmp_path, monkeypatch)
    with bench.undo, Sshd(tmp_path) as sshd:
        yield Machine(bench, sshd)
