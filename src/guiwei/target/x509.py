"""X.509 certificates and private keys, read with the standard library alone: enough to tell one from another.

Sources: RFC 5280 (certificates), RFC 5958 and RFC 8017 (RSA keys), RFC 5915 (keys of elliptic curves, SM2's too),
RFC 7468 (PEM), RFC 4514 (names as text).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import List, NamedTuple, Optional, Tuple

from guiwei.target.hashing import digest

__all__ = ["Certificate", "Key", "key_matches", "keys_in", "pem", "pem_blocks", "read_certificate"]

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*(.*?)\s*-----END \1-----", re.S)

_NAMES = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "2.5.4.5", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}  # fmt: skip
_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"

_INTEGER, _BITS, _OCTETS, _OID, _UTC_TIME, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x17, 0x30


class Certificate(NamedTuple):
    """What a certificate says: SHA-256 of its DER form, subject (RFC 4514), end of validity (UTC), public key (DER)."""

    der: bytes
    fingerprint: str
    subject: str
    not_after: str
    public_key: bytes


class Key(NamedTuple):
    """A private key: PEM's label and the DER form; `encrypted` keys tell nothing of themselves."""

    label: str
    der: bytes
    encrypted: bool


class _Item(NamedTuple):
    """One DER value: its tag, where it begins, and where its content lies."""

    tag: int
    begin: int
    start: int
    end: int


def pem(label: str, der: bytes) -> str:
    """Return the PEM form, lines of 64 characters with LF."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, "\n".join(lines), label)


def pem_blocks(text: str) -> List[Tuple[str, bytes, bool]]:
    """Return label, DER form and whether it is encrypted, of every PEM block in a text.

    Raises:
        ValueError: what stands in a block is no base64.
    """
    found = []
    for match in _BLOCK.finditer(text):
        label, inside = match.group(1), match.group(2)
        headers, blank, body = inside.replace("\r", "").partition("\n\n")
        encrypted = label.startswith("ENCRYPTED ") or (bool(blank) and "ENCRYPTED" in headers)
        try:
            der = base64.b64decode("".join((body if blank else inside).split()), validate=True)
        except binascii.Error as error:
            raise ValueError("no base64 in %s" % label) from error
        found.append((label, der, encrypted))
    return found


def keys_in(text: str) -> List[Key]:
    """Return the private keys in a PEM text; raises what `pem_blocks` does."""
    return [Key(*block) for block in pem_blocks(text) if block[0].endswith("PRIVATE KEY")]


def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate in DER form says.

    Raises:
        ValueError: it is none.
    """
    whole = _item(der, 0, len(der))
    if whole.tag != _SEQUENCE or whole.end != len(der):
        raise ValueError("no certificate")
    parts = _items(der, _items(der, whole)[0])
    # The version is left out of a certificate of version 1.
    parts = parts[1:] if parts and parts[0].tag == 0xA0 else parts
    if len(parts) < 6:
        raise ValueError("no certificate")
    validity, subject, public_key = parts[3], parts[4], parts[5]
    return Certificate(
        der,
        digest(der),
        _name(der, subject),
        _time(der, _items(der, validity)[1]),
        der[public_key.begin : public_key.end],
    )


def key_matches(key: Key, public_key: bytes) -> Optional[bool]:
    """Tell whether a private key belongs to a public key; None if the two do not tell.

    An RSA key has the modulus in it; a key of an elliptic curve may have its public half, and often has.
    """
    try:
        kind, public = _public(public_key)
        inside = _private(key.der) if key.label == "PRIVATE KEY" else (_LABELS.get(key.label), key.der)
        if key.encrypted or inside[0] is None or kind not in (_RSA, _EC):
            return None
        if inside[0] != kind:
            return False
        own = _modulus(inside[1]) if kind == _RSA else _point(inside[1])
        return None if own is None else own == public
    except (ValueError, IndexError):
        return None


_LABELS = {"RSA PRIVATE KEY": _RSA, "EC PRIVATE KEY": _EC}


def _public(der: bytes) -> Tuple[str, bytes]:
    algorithm, bits = _items(der, _item(der, 0, len(der)))
    kind = _oid(der, _items(der, algorithm)[0])
    content = der[bits.start + 1 : bits.end]
    if kind == _RSA:
        modulus = _items(content, _item(content, 0, len(content)))[0]
        return kind, content[modulus.start : modulus.end]
    return kind, content


def _private(der: bytes) -> Tuple[Optional[str], bytes]:
    _, algorithm, octets = _items(der, _item(der, 0, len(der)))[:3]
    return _oid(der, _items(der, algorithm)[0]), der[octets.start : octets.end]


def _modulus(der: bytes) -> bytes:
    modulus = _items(der, _item(der, 0, len(der)))[1]
    return der[modulus.start : modulus.end]


def _point(der: bytes) -> Optional[bytes]:
    for part in _items(der, _item(der, 0, len(der)))[2:]:
        if part.tag == 0xA1:
            bits = _item(der, part.start, part.end)
            return der[bits.start + 1 : bits.end]
    return None


def _item(der: bytes, at: int, end: int) -> _Item:
    if at + 2 > end:
        raise ValueError("cut short")
    size, start = der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        # X.509 is DER: no indefinite lengths; and nothing here is larger than 4 GiB.
        if not 0 < count <= 4 or start + count > end:
            raise ValueError("no DER length")
        size, start = int.from_bytes(der[start : start + count], "big"), start + count
    if start + size > end:
        raise ValueError("cut short")
    return _Item(der[at], at, start, start + size)


def _items(der: bytes, whole: _Item) -> List[_Item]:
    found, at = [], whole.start
    while at < whole.end:
        item = _item(der, at, whole.end)
        found.append(item)
        at = item.end
    return found


def _oid(der: bytes, item: _Item) -> str:
    if item.tag != _OID or item.start == item.end:
        raise ValueError("no object identifier")
    numbers, value = [], 0
    for byte in der[item.start : item.end]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first] + numbers[1:])


def _name(der: bytes, name: _Item) -> str:
    """Return a name as text, the last part first."""
    parts = []
    for several in _items(der, name):
        pairs = []
        for pair in _items(der, several):
            kind, value = _items(der, pair)
            oid = _oid(der, kind)
            pairs.append("%s=%s" % (_NAMES.get(oid, oid), _escaped(_string(der, value))))
        parts.append("+".join(pairs))
    return ",".join(reversed(parts))


def _string(der: bytes, item: _Item) -> str:
    data = der[item.start : item.end]
    wide = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}.get(item.tag)
    # Older Chinese authorities put GBK into strings that say something else.
    for encoding in [wide] if wide else ["utf-8", "gbk"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _escaped(text: str) -> str:
    text = re.sub(r'([\\",+;<>])', r"\\\1", text).replace("\0", "\\00")
    if text[:1] in (" ", "#"):
        text = "\\" + text
    return text[:-1] + "\\ " if len(text) > 1 and text.endswith(" ") and text[-2] != "\\" else text


def _time(der: bytes, item: _Item) -> str:
    """Return a time as `2027-01-31T15:59:59Z`."""
    text = der[item.start : item.end].decode("ascii", "replace")
    if item.tag == _UTC_TIME:
        # Two digits of the year: 50 and later are 19xx; source: RFC 5280, 4.1.2.5.1.
        text = ("19" if text[:2] >= "50" else "20") + text
    if not re.match(r"[0-9]{14}Z\Z", text):
        raise ValueError("no time")
    return "%s-%s-%sT%s:%s:%sZ" % (text[:4], text[4:6], text[6:8], text[8:10], text[10:12], text[12:14])
