"""Goldens: texts that are compared as a whole. `GUIWEI_WRITE_GOLDENS=1 pytest tests/unit/report` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).with_name("golden")


def check_golden(name: str, text: str) -> None:
    """Compare a text with the committed one."""
    path = FOLDER / name
    if os.environ.get("GUIWEI_WRITE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
