"""INI files that keep every byte which was not asked to change: comments, order, line ends, spaces."""

from __future__ import annotations

import io
import os

from . import errors
from .paths import write_atomically

__all__ = ["IniFile"]


class IniFile:
    """One INI file held as its lines.

    :param path: the file; it need not exist yet.
    :param encoding: ``utf-8`` for the record, ``gbk`` for an instance's settings.
    :param newline: the line end for lines that are added.
    :raises Refusal: NOT_RUNNING when the bytes are not of that encoding.
    """

    def __init__(self, path: str, encoding: str = "utf-8", newline: str = "\n") -> None:
        self.path = path
        self.encoding = encoding
        self.newline = newline
        self.lines = []  # type: list[str]
        if os.path.exists(path):
            with open(path, "rb") as file:
                data = file.read()
            try:
                self.lines = list(io.StringIO(data.decode(encoding), newline=""))
            except UnicodeDecodeError as error:
                raise errors.Refusal(
                    errors.NOT_RUNNING, "文件 {0} 损坏：不是 {1} 编码".format(path, encoding)
                ) from error

    def sections(self) -> list[str]:
        """Return the names of the sections in the file's order."""
        return [name for name in (_section_name(line) for line in self.lines) if name is not None]

    def get(self, section: str, key: str) -> str | None:
        """Return a value without surrounding spaces, or None when it is not there."""
        at = self._find(section, key)
        return None if at is None else self.lines[at].partition("=")[2].strip()

    def set(self, section: str, key: str, value: str) -> None:
        """Set one value; a key that is missing goes behind its section's last filled line."""
        at = self._find(section, key)
        if at is not None:
            line = self.lines[at]
            head, _, tail = line.partition("=")
            body = tail.rstrip("\r\n")
            lead = body[: len(body) - len(body.lstrip())] if body.strip() else ""
            self.lines[at] = head + "=" + lead + value + tail[len(body) :]
            return
        start = self._section_start(section)
        if start is None:
            self._end_last_line()
            if self.lines:
                self.lines.append(self.newline)
            self.lines.append("[" + section + "]" + self.newline)
            self.lines.append(key + "=" + value + self.newline)
            return
        end = start + 1
        for number in range(start + 1, self._section_end(start)):
            if self.lines[number].strip():
                end = number + 1
        if end == len(self.lines):
            self._end_last_line()
        self.lines.insert(end, key + "=" + value + self.newline)

    def save(self) -> None:
        """Write the file in one step."""
        write_atomically(self.path, "".join(self.lines).encode(self.encoding))

    def _end_last_line(self) -> None:
        if self.lines and not self.lines[-1].endswith("\n"):
            self.lines[-1] += self.newline

    def _section_start(self, section: str) -> int | None:
        for number, line in enumerate(self.lines):
            if _section_name(line) == section:
                return number
        return None

    def _section_end(self, start: int) -> int:
        for number in range(start + 1, len(self.lines)):
            if _section_name(self.lines[number]) is not None:
                return number
        return len(self.lines)

    def _find(self, section: str, key: str) -> int | None:
        start = self._section_start(section)
        if start is None:
            return None
        for number in range(start + 1, self._section_end(start)):
            text = self.lines[number].strip()
            if text and text[0] not in ";#" and text.partition("=")[0].strip() == key:
                return number
        return None


def _section_name(line: str) -> str | None:
    text = line.strip()
    return text[1:-1] if text.startswith("[") and text.endswith("]") else None
