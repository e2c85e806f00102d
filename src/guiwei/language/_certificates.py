"""Open certificate files on the controller: PEM, DER and PFX (PKCS #12), with or without a password.

The PC gets PEM: it has no program that opens a PFX, and must not need one.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from guiwei.errors import InputError, Place
from guiwei.target.x509 import Key, pem, pem_blocks, read_certificate

__all__ = ["Opened", "open_certificate"]


class Opened(NamedTuple):
    """Certificates as one PEM text, and the private key as another, if the file has one."""

    certificates: str
    key: str | None


def open_certificate(path: Path, password: str | None, place: Place | None = None) -> Opened:
    """Return what is in a certificate file.

    Args:
        password: of a PFX, or of the key in a PEM file; None if there is none.
        place: where the playbook names the file.

    Raises:
        InputError: `file-unreadable`, `certificate-file` (no certificate in a form that is known),
            `certificate-password` (it is wrong, or missing).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("file-unreadable", place, file=str(path), reason=error.strerror or str(error)) from None
    if data.startswith(b"$ANSIBLE_VAULT"):
        raise InputError("certificate-vaulted", place, file=str(path))
    try:
        if b"-----BEGIN " in data:
            return _open_pem(data.decode("ascii", "replace"), password)
        try:
            return Opened(pem("CERTIFICATE", read_certificate(data).der), None)
        except (ValueError, IndexError):
            return _open_pfx(data, password)
    except _WrongPassword:
        code = "certificate-password-missing" if password is None else "certificate-password"
        raise InputError(code, place, file=str(path)) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError("certificate-file", place, file=str(path), reason=str(error)) from None


class _WrongPassword(Exception):
    pass


def _open_pem(text: str, password: str | None) -> Opened:
    blocks = pem_blocks(text)
    certificates = "".join(pem(label, der) for label, der, _ in blocks if label == "CERTIFICATE")
    if not certificates:
        raise ValueError("no BEGIN CERTIFICATE")
    keys = [Key(*block) for block in blocks if block[0].endswith("PRIVATE KEY")]
    if not keys:
        return Opened(certificates, None)
    if not keys[0].encrypted:
        return Opened(certificates, pem(keys[0].label, keys[0].der))
    if password is None:
        raise _WrongPassword
    start = text.index(f"-----BEGIN {keys[0].label}-----")
    try:
        key = load_pem_private_key(text[start:].encode("ascii", "replace"), password.encode())
    except ValueError as error:
        raise _WrongPassword from error
    return Opened(certificates, _plain(key))


def _open_pfx(data: bytes, password: str | None) -> Opened:
    # PFX ::= SEQUENCE { version INTEGER 3, … }; source: RFC 7292.
    if not data.startswith(b"\x30") or b"\x02\x01\x03" not in data[:12]:
        raise ValueError("neither PEM nor DER nor PFX")
    try:
        key, own, others = pkcs12.load_key_and_certificates(data, None if password is None else password.encode())
    except ValueError as error:
        raise _WrongPassword from error
    certificates = [one for one in (own, *others) if one is not None]
    if not certificates:
        raise ValueError("no certificate in it")
    text = "".join(pem("CERTIFICATE", one.public_bytes(Encoding.DER)) for one in certificates)
    return Opened(text, None if key is None else _plain(key))


def _plain(key: object) -> str:
    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    return written.decode("ascii")
