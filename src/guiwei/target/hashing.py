"""SHA-256 without OpenSSL: `hashlib` loads its library, which would double an agent's start-up time."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["digest", "new_sha256"]


def _constructor() -> Any:
    # CPython's own implementation: `_sha256` up to 3.11, `_sha2` from 3.12 on.
    for name in ("_sha256", "_sha2", "hashlib"):
        try:
            return importlib.import_module(name).sha256
        except ImportError:
            continue
    raise ImportError("no SHA-256 in this Python")


_sha256 = _constructor()


def new_sha256() -> _Hash:
    """Return a new hash, to be fed with `update`."""
    fresh: _Hash = _sha256()
    return fresh


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hex."""
    fresh = new_sha256()
    fresh.update(data)
    return fresh.hexdigest()
