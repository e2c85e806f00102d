"""Text files as invoicing PCs have them: GBK or UTF-8 or UTF-16, with or without BOM, LF or CRLF.

`parse` gives lines with their own ends and `render` gives the bytes back; a text that does not survive the round trip
is an error, so an edit of one line leaves every other byte alone.
"""

from __future__ import annotations

import codecs
from typing import List, NamedTuple, Optional

from guiwei.errors import ResourceError
from guiwei.target.secret import MASK

__all__ = ["ENCODINGS", "NEWLINES", "Text", "decode_exactly", "empty", "encode_text", "parse", "render", "split_end"]

#: `auto` looks at the BOM, then tries UTF-8, then GBK, then GB 18030, its superset; see `_likely_gbk`.
ENCODINGS = ["auto", "utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "ascii", "latin-1"]

#: What a resource's `newline` option may be, and the line end that a new file gets.
NEWLINES = {"keep": "\n", "lf": "\n", "crlf": "\r\n"}

_BOMS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]


class Text(NamedTuple):
    """A text file taken apart: its BOM, its encoding without BOM, and its lines with their ends."""

    bom: bytes
    encoding: str
    lines: List[str]

    @property
    def newline(self) -> str:
        """The line end that a new line should get: that of the first line that has one, else LF."""
        for line in self.lines:
            if line.endswith("\r\n"):
                return "\r\n"
            if line.endswith("\n"):
                return "\n"
        return "\n"


def parse(data: bytes, encoding: str = "auto", path: str = "") -> Text:
    """Take the bytes of a text file apart.

    Args:
        data: the whole file.
        encoding: one of `ENCODINGS`.
        path: named in the error.

    Raises:
        ResourceError: the bytes are not text of that encoding (`text-encoding`).
    """
    bom, plain = _without_bom(data, encoding)
    candidates = _candidates(bom, encoding)
    if encoding == "auto" and not bom and _likely_gbk(plain):
        candidates = ["gbk", "utf-8", "gb18030"]
    for candidate in candidates:
        try:
            text = plain.decode(candidate, _errors(candidate))
            if text.encode(candidate, _errors(candidate)) != plain:
                continue
            if encoding == "auto" and "\0" in text:
                # UTF-16 without BOM, or no text at all: adding a line in UTF-8 would ruin it.
                continue
        except UnicodeError:
            continue
        return Text(bom, candidate, _split(text))
    raise ResourceError("text-encoding", path=path, encoding=encoding)


def render(text: Text, hide: bool = False) -> bytes:
    """Return the bytes of a text.

    Args:
        hide: a secret is in it: an error must not show a character of it.

    Raises:
        ResourceError: a character does not exist in the file's encoding (`text-unencodable`).
    """
    joined = "".join(text.lines)
    try:
        return text.bom + joined.encode(text.encoding, _errors(text.encoding))
    except UnicodeEncodeError as error:
        character = MASK if hide else joined[error.start : error.start + 1]
        raise ResourceError("text-unencodable", encoding=text.encoding, character=character) from None


def split_end(line: str) -> "tuple[str, str]":
    """Return a line without its end, and the end: CRLF, LF or nothing."""
    if line.endswith("\r\n"):
        return line[:-2], "\r\n"
    if line.endswith("\n"):
        return line[:-1], "\n"
    return line, ""


def empty(encoding: str) -> Text:
    """Return a text without lines, for a file that is not there yet; `auto` makes UTF-8."""
    bom = _implied_bom(encoding)
    return Text(bom, _plain_name(encoding), [])


def encode_text(content: str, encoding: str, newline: str = "keep", hide: bool = False) -> bytes:
    """Return the bytes of a whole new text.

    Args:
        content: the text, with any line ends.
        encoding: one of `ENCODINGS`; `auto` is UTF-8 without BOM; `utf-8-sig` and `utf-16` write a BOM.
        newline: `lf`, `crlf`, or `keep` the content's own.
        hide: a secret is in it: an error must not show a character of it.
    """
    if newline != "keep":
        content = content.replace("\r\n", "\n")
        if newline == "crlf":
            content = content.replace("\n", "\r\n")
    start = empty(encoding)
    return render(Text(start.bom, start.encoding, [content]), hide)


def decode_exactly(data: bytes, encoding: str) -> Optional[str]:
    """Return the text of `data` if encoding it anew gives the same bytes, BOM included, else None."""
    if encoding == "auto":
        encoding = "utf-8"
    bom = _implied_bom(encoding)
    if not data.startswith(bom):
        return None
    try:
        text = data[len(bom) :].decode(_plain_name(encoding))
        return text if text.encode(_plain_name(encoding)) == data[len(bom) :] else None
    except UnicodeError:
        return None


def _without_bom(data: bytes, encoding: str) -> "tuple[bytes, bytes]":
    for bom, name in _BOMS:
        if data.startswith(bom) and (encoding == "auto" or name in _family(encoding)):
            return bom, data[len(bom) :]
    return b"", data


def _family(encoding: str) -> List[str]:
    return {
        "utf-8": ["utf-8"],
        "utf-8-sig": ["utf-8"],
        "utf-16": ["utf-16-le", "utf-16-be"],
        "utf-16-le": ["utf-16-le"],
        "utf-16-be": ["utf-16-be"],
    }.get(encoding, [])


def _candidates(bom: bytes, encoding: str) -> List[str]:
    for mark, name in _BOMS:
        if bom == mark:
            return [name]
    # What reads as GBK stays GBK: a character that only GB 18030 has would be four odd bytes to its reader.
    if encoding == "auto":
        return ["utf-8", "gbk", "gb18030"]
    if encoding == "gbk":
        return ["gbk", "gb18030"]
    return [_plain_name(encoding)]


def _likely_gbk(plain: bytes) -> bool:
    """Tell a short GBK text that happens to be UTF-8 as well: 税 is CB B0, which is ˰ in UTF-8.

    Chinese in UTF-8 has characters of three bytes; where there are none of those, GBK is the better guess here.
    """
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(text) != len(plain) and all(character < "\u0800" for character in text)


def _plain_name(encoding: str) -> str:
    return {"auto": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)


def _implied_bom(encoding: str) -> bytes:
    return {"utf-8-sig": codecs.BOM_UTF8, "utf-16": codecs.BOM_UTF16_LE}.get(encoding, b"")


def _errors(encoding: str) -> str:
    """UTF-16 from Windows may hold lone surrogates; everything else is strict."""
    return "surrogatepass" if encoding.startswith("utf-16") else "strict"


def _split(text: str) -> List[str]:
    """Split after LF only: a lone CR, a form feed or U+2028 inside a value is part of its line."""
    lines = text.split("\n")
    ended = [line + "\n" for line in lines[:-1]]
    return ended + [lines[-1]] if lines[-1] else ended
