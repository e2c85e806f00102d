"""Salted hashes of the certificate password and of the device's PIN."""

from __future__ import annotations

import hashlib
import hmac
import os

__all__ = ["hashed", "matches"]

_ROUNDS = 20000


def hashed(secret: str, salt: bytes | None = None, rounds: int = _ROUNDS) -> str:
    """Return ``pbkdf2_sha256$rounds$salt$hash`` with salt and hash in hex."""
    salt = os.urandom(16) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8"), salt, rounds)
    return "pbkdf2_sha256${0}${1}${2}".format(rounds, salt.hex(), digest.hex())


def matches(secret: str, stored: str) -> bool:
    """Tell whether a secret is the one behind a stored hash; anything malformed does not match."""
    try:
        name, rounds, salt, _ = stored.split("$")
        return name == "pbkdf2_sha256" and hmac.compare_digest(hashed(secret, bytes.fromhex(salt), int(rounds)), stored)
    except ValueError:
        return False
