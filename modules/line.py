"""A text file that holds one value in its first line, such as an upload address."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System
from guiwei.target.text import ENCODINGS, NEWLINES, Text, empty, parse, render, split_end


@dataclasses.dataclass(frozen=True)
class Line(Resource):
    """Keep the first line of a file; its end, further lines, BOM and encoding stay as they are.

    Invoicing clients keep their upload address (安全接入地址) so: one URL, often GBK with CRLF.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "The value in the first line of a text file."
    summary_zh: ClassVar[str] = "文本文件第一行的值。"

    path: str = key(
        "Absolute path.",
        "绝对路径。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/开票软件/Bin/安全接入地址.txt",
    )
    encoding: str = option(
        "Encoding; `auto` finds out, and makes a new file UTF-8.",
        "编码；auto 自动识别，新文件用 UTF-8。",
        default="auto",
        choices=ENCODINGS,
        example="gbk",
    )
    newline: str = option(
        "Line end of a new file (`keep` is LF); a file that is there keeps its own.",
        "新文件的换行符（keep 即 LF）；已有的文件保持不变。",
        default="keep",
        choices=list(NEWLINES),
        example="crlf",
    )
    value: Optional[str] = value(
        "The first line without its end.",
        "第一行的内容，不含换行符。",
        form="text",
        pattern=r"^[^\r\n\x00]*$",
        example="https://skfp.example.cn:7008",
    )

    def read(self, system: System) -> Optional[State]:
        """Return the first line; an empty file has an empty one."""
        data = system.files.read(self.path)
        return None if data is None else {"value": _first(parse(data, self.encoding, self.path))}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Replace the first line, or remove the file."""
        if state is None:
            system.files.remove(self.path)
            return None
        data = system.files.read(self.path)
        if data is None:
            start = empty(self.encoding)
            text = start._replace(lines=[NEWLINES[self.newline]])
        else:
            text = parse(data, self.encoding, self.path)
        if state.get("value") is not None:
            wanted = str(reveal(state["value"]))
            lines = [wanted + split_end(text.lines[0])[1] if text.lines else wanted] + text.lines[1:]
            text = text._replace(lines=lines)
            data = render(text, hide=isinstance(state["value"], Secret))
            # A line break in the value, or bytes that `auto` would take for another encoding, must not get so far.
            if _first(parse(data, self.encoding, self.path)) != wanted:
                raise ResourceError("text-ambiguous", path=self.path, encoding=self.encoding)
        system.files.write(self.path, render(text))
        return None


def _first(text: Text) -> str:
    return split_end(text.lines[0])[0] if text.lines else ""
