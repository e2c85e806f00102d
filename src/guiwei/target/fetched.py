"""What a rehearsal fetched stays on the PC for the upgrade itself: a branch's line is slow and metered."""

from __future__ import annotations

import os
from typing import Iterator, Optional

__all__ = ["kept_blob", "kept_path", "pieces_of"]


def kept_path(state_dir: str, sha256: str) -> str:
    """Return where a fetched blob is kept."""
    return os.path.join(state_dir, "fetched", sha256)


def kept_blob(state_dir: str, sha256: str, offset: int) -> Optional[Iterator[bytes]]:
    """Return a kept blob's bytes from an offset on, None if it is not kept; read to its end, it is removed."""
    path = kept_path(state_dir, sha256)
    return _spent(path, offset) if os.path.isfile(path) else None


def _spent(path: str, offset: int) -> Iterator[bytes]:
    for piece in pieces_of(path, offset):
        yield piece
    os.unlink(path)


def pieces_of(path: str, offset: int) -> Iterator[bytes]:
    """Yield a file's bytes from an offset on."""
    with open(path, "rb") as file:
        file.seek(offset)
        for piece in iter(lambda: file.read(1 << 20), b""):
            yield piece
