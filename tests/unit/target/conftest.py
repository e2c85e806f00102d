from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from target_pc import Pc


@pytest.fixture
def pc(tmp_path: Path) -> Pc:
    return Pc(tmp_path)
