"""A Windows PC under Wine, made once for the session; without root, apt or PyPI it says what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from windows_bench import Branch

from guiwei.lab.windows.parts import Unavailable
from guiwei.lab.windows.wine import WinePc


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinePc]:
    """The PC, running."""
    try:
        with WinePc(tmp_path_factory.mktemp("wine")) as pc:
            yield pc
            assert pc.settle(), "programs are left running on the Windows PC"
    except Unavailable as error:
        pytest.skip(f"no Windows PC: {error}")


@pytest.fixture
def branch(wine: WinePc, tmp_path: Path) -> Iterator[Branch]:
    """A branch office on the PC: folders and keys of its own, gone afterwards."""
    with Branch(wine, tmp_path) as made:
        yield made
