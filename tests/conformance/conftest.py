"""Fixtures: the PC of `support.pc`, and a count of the payloads that travel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.pc import KINDS, SSH_KINDS, Pc, make_pc

from guiwei.transport.session import Session


@pytest.fixture(params=KINDS)
def pc(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pc]:
    yield from make_pc(request.param, tmp_path)


@pytest.fixture(params=SSH_KINDS)
def ssh_pc(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pc]:
    yield from make_pc(request.param, tmp_path)


@pytest.fixture
def payloads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a payload is sent."""
    sent: list[int] = []
    plain = Session._send_payload

    def send(self: Session) -> None:
        sent.append(1)
        plain(self)

    monkeypatch.setattr(Session, "_send_payload", send)
    return sent
