"""Certificates that the tests make themselves."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

__all__ = ["PFX_PASSWORD", "pfx"]

PFX_PASSWORD = "pfx-口令-77"


def pfx(name: str) -> tuple[bytes, bytes, str]:
    """Return a PFX file, the key in PEM as it must not be seen anywhere, and the fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(names, names, key.public_key(), 7).not_valid_before(start)
    made = builder.not_valid_after(start + datetime.timedelta(days=700)).sign(key, hashes.SHA256())
    data = pkcs12.serialize_key_and_certificates(None, key, made, None, BestAvailableEncryption(PFX_PASSWORD.encode()))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data, plain, made.fingerprint(hashes.SHA256()).hex()
