"""Turn files into text: UTF-8 and nothing else, with the place of whatever is wrong."""

from __future__ import annotations

import re
from pathlib import Path

from guiwei.errors import InputError, Place

__all__ = ["check_characters", "decode", "read_bytes", "split_lines"]

# https://yaml.org/spec/1.2.2/#51-character-set
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def read_bytes(path: Path | str) -> bytes:
    """Return a file's bytes.

    Raises:
        InputError: `file-unreadable`, with the system's reason.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError("file-unreadable", file=str(path), reason=error.strerror or str(error)) from None


def decode(data: bytes, file: str) -> str:
    """Return a file's text, which must be UTF-8; a byte order mark is accepted and dropped.

    Raises:
        InputError: `file-not-utf8`, with the place of the first wrong byte and a guess at the encoding.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError("file-not-utf8", Place(file, 1, 1), encoding="UTF-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        start = data.rfind(b"\n", 0, offset) + 1
        place = Place(file, data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode("utf-8", "replace")) + 1)
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            raise InputError("file-not-utf8", place, encoding="?") from None
        raise InputError("file-not-utf8", place, encoding="GBK") from None


def split_lines(text: str) -> list[str]:
    """Split a text where YAML ends its lines."""
    return _BREAK.split(text)


def check_characters(text: str, file: str) -> str:
    """Return the text, which must hold no character that YAML forbids.

    Raises:
        InputError: `yaml-control-character` with the place.
    """
    match = _FORBIDDEN.search(text)
    if match:
        before = split_lines(text[: match.start()])
        place = Place(file, len(before), len(before[-1]) + 1)
        raise InputError("yaml-control-character", place, character=f"U+{ord(match.group()):04X}")
    return text
