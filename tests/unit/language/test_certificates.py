"""Certificate files that a playbook names: PEM, DER and PFX, opened on the controller, each with its own error."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from guiwei.errors import InputError, Place
from guiwei.language._certificates import open_certificate
from guiwei.modules.certificate import Certificate
from guiwei.target.secret import Secret
from guiwei.target.x509 import pem_blocks, read_certificate

PASSWORD = "证书abc123"
KEY = ec.generate_private_key(ec.SECP256R1())
PLACE = Place("play.yml", 3, 5)


def certificate(name: str, key: ec.EllipticCurvePrivateKey = KEY) -> x509.Certificate:
    names = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "青禾商贸, 有限公司"),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])  # fmt: skip
    start = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(names, names, key.public_key(), 7).not_valid_before(start)
    return builder.not_valid_after(datetime.datetime(2051, 6, 1, 2, 3, 4, tzinfo=datetime.UTC)).sign(
        key, hashes.SHA256()
    )


OWN, ISSUER = certificate("开票证书"), certificate("测试机构", ec.generate_private_key(ec.SECP256R1()))
PEM = OWN.public_bytes(Encoding.PEM).decode()
PKCS8 = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))
PFX = pkcs12.serialize_key_and_certificates(
    "开票".encode(), KEY, OWN, [ISSUER], BestAvailableEncryption(PASSWORD.encode())
)
OPEN_PFX = pkcs12.serialize_key_and_certificates(None, KEY, OWN, None, NoEncryption())


@pytest.mark.parametrize(
    ("data", "password", "keyed", "certificates"),
    [
        (PEM.encode(), None, False, 1),
        (b"# note\r\n" + PEM.replace("\n", "\r\n").encode(), None, False, 1),
        (PEM.encode() + PKCS8, None, True, 1),
        (LOCKED + PEM.encode(), PASSWORD, True, 1),
        (OWN.public_bytes(Encoding.DER), None, False, 1),
        (PFX, PASSWORD, True, 2),
        (OPEN_PFX, None, True, 1),
    ],
    ids=["pem", "crlf", "with-key", "locked-key", "der", "pfx", "pfx-open"],
)
def test_each_form_gives_the_same_certificate(
    tmp_path: Path, data: bytes, password: str | None, keyed: bool, certificates: int
) -> None:
    path = tmp_path / "证书 (1).bin"
    path.write_bytes(data)
    opened = open_certificate(path, password)
    blocks = pem_blocks(opened.certificates)
    assert [label for label, _, _ in blocks] == ["CERTIFICATE"] * certificates
    assert blocks[0][1] == OWN.public_bytes(Encoding.DER)
    assert (opened.key is not None) is keyed
    if opened.key is not None:
        found = load_pem_private_key(opened.key.encode(), None)
        assert found.private_numbers() == KEY.private_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "password", "code"),
    [
        (PFX, "falsch", "certificate-password"),
        (PFX, None, "certificate-password-missing"),
        (LOCKED + PEM.encode(), "falsch", "certificate-password"),
        (LOCKED + PEM.encode(), None, "certificate-password-missing"),
        (PKCS8, None, "certificate-file"),
        (b"no certificate at all", None, "certificate-file"),
        (b"0\x82\x01", None, "certificate-file"),
        (b"", None, "certificate-file"),
        (b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", None, "certificate-file"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n00\n", None, "certificate-vaulted"),
    ],
    ids=[
        "pfx-wrong", "pfx-none", "key-wrong", "key-none", "key-alone", "text", "cut", "empty", "base64", "vaulted",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, data: bytes, password: str | None, code: str) -> None:
    path = tmp_path / "x.pfx"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_certificate(path, password, PLACE)
    assert (caught.value.code, caught.value.place) == (code, PLACE)
    assert password is None or password not in str(caught.value.arguments)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_certificate(tmp_path / "none.pem", None)
    assert caught.value.code == "file-unreadable"


def test_the_reader_says_what_a_library_says() -> None:
    for one in (OWN, ISSUER):
        found = read_certificate(one.public_bytes(Encoding.DER))
        assert found.fingerprint == one.fingerprint(hashes.SHA256()).hex()
        assert found.subject == one.subject.rfc4514_string()
        # After 2049 the time has another form.
        assert found.not_after == "2051-06-01T02:03:04Z"


def test_arguments_that_do_not_go_together() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    cases = {
        "certificate-two-contents": {"source": "a.pem", "content": PEM},
        "certificate-password-alone": {"content": PEM, "password": Secret("x")},
        "certificate-unreadable": {"content": "no"},
        "certificate-no-key": {"content": PEM, "private_key": Secret(PEM)},
        "certificate-key-encrypted": {"content": PEM, "private_key": Secret(LOCKED.decode())},
        "certificate-key-mismatch": {"content": PEM, "private_key": Secret(other.decode())},
    }
    for code, arguments in cases.items():
        error = Certificate.check_arguments(arguments)
        assert error is not None
        assert error.code == code
    assert Certificate.check_arguments({"content": PEM, "private_key": Secret(PKCS8.decode())}) is None
    assert Certificate.check_arguments({"content": "{{ later }}"}) is None
