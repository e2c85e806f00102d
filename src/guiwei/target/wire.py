"""Wire form of values that JSON does not have: secrets and bytes."""

from __future__ import annotations

import base64
from typing import Any

from guiwei.target.secret import Secret

__all__ = ["decode", "encode"]

_SECRET = "$secret"
_BYTES = "$bytes"
_ESCAPE = "$"


def encode(value: Any) -> Any:
    """Return `value` with every `Secret` and bytes object in its wire form.

    The wire form of a secret is its text: it exists on the encrypted channel and in memory only, and whoever writes
    a journal or a plan masks secrets before (`sealed`).
    """
    if isinstance(value, Secret):
        return {_SECRET: value.reveal()}
    if isinstance(value, (bytes, bytearray)):
        return {_BYTES: base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, dict):
        if len(value) == 1:
            # A user's own mapping that looks like a wire form is escaped, so that it comes back as it was.
            (name,) = value
            if isinstance(name, str) and name.startswith(_ESCAPE):
                return {_ESCAPE + name: encode(value[name])}
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """Return `value` with wire forms turned back; the inverse of `encode` (tuples come back as lists)."""
    if isinstance(value, dict):
        if len(value) == 1:
            (name,) = value
            if name == _SECRET:
                return Secret(value[name])
            if name == _BYTES:
                return base64.b64decode(value[name])
            if name.startswith(_ESCAPE + _ESCAPE):
                return {name[1:]: decode(value[name])}
        return {name: decode(item) for name, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value
