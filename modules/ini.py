"""One option of an INI file."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, value
from guiwei.target.contract import option as setting  # a field of this type is called `option`
from guiwei.target.ini_text import Ini, parse_ini
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System
from guiwei.target.text import ENCODINGS, NEWLINES, empty, parse, render


@dataclasses.dataclass(frozen=True)
class IniOption(Resource):
    """Keep one option; comments, order, spacing, line ends, BOM and encoding stay as they are.

    A name written exactly so wins, else one that differs in case; of several, the first counts, as Windows reads it.
    Absent removes the option's line alone.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "One option of an INI file."
    summary_zh: ClassVar[str] = "INI 文件中的一个选项。"

    path: str = key(
        "Absolute path.", "绝对路径。", pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)", example="/opt/开票软件/Config/client.ini"
    )
    section: str = key(
        "Section without brackets; empty for what stands before the first section.",
        "节名，不含方括号；空表示第一节之前。",
        pattern=r"^[^\r\n\x00]*$",
        example="单位",
    )
    option: str = key("Option's name.", "选项名。", pattern=r"^[^\s;#\[=][^=\r\n\x00]*$|^\{\{", example="税号")
    encoding: str = setting(
        "Encoding; `auto` finds out, and makes a new file UTF-8.",
        "编码；auto 自动识别，新文件用 UTF-8。",
        default="auto",
        choices=ENCODINGS,
        example="gbk",
    )
    newline: str = setting(
        "Line end of a new file (`keep` is LF); a file that is there keeps its own.",
        "新文件的换行符（keep 即 LF）；已有的文件保持不变。",
        default="keep",
        choices=list(NEWLINES),
        example="crlf",
    )
    create: bool = setting("Make the file if it is missing.", "文件不存在时创建。", default=True, example=False)
    spacing: str = setting(
        "How a new line is written: `none` (a=b), `spaces` (a = b), `auto` as the lines around it.",
        "新增行的写法：none（a=b）、spaces（a = b）、auto（与周围一致）。",
        default="auto",
        choices=["auto", "none", "spaces"],
        example="none",
    )
    value: Optional[str] = value(
        "The value, without spaces around it.",
        "值，不含首尾空格。",
        form="text",
        pattern=r"^[^\r\n\x00]*$",
        example="91110108MA01A2B3C4",
    )

    def read(self, system: System) -> Optional[State]:
        """Return the value; None if file, section or option is not there."""
        data = system.files.read(self.path)
        if data is None:
            return None
        found = parse_ini(data, self.encoding, self.path).value(self.section, self.option)
        return None if found is None else {"value": found}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Set the value, adding option, section and file where they are missing; or remove the option's line."""
        data = system.files.read(self.path)
        if data is None and (state is None or not self.create):
            if state is None:
                return None
            raise ResourceError("path-missing", path=self.path)
        ini = Ini(empty(self.encoding) if data is None else parse(data, self.encoding, self.path))
        if state is None:
            system.files.write(self.path, render(ini.without(self.section, self.option)))
            return None
        wanted = str(reveal(state["value"])) if state.get("value") is not None else None
        if wanted is None:
            wanted = ini.value(self.section, self.option) or ""
        text = ini.with_value(self.section, self.option, wanted, self.spacing, NEWLINES[self.newline])
        left = render(text, hide=isinstance(state.get("value"), Secret))
        # A line break in a name or value, or bytes that `auto` would take for another encoding, must not get so far.
        if Ini(parse(left, self.encoding, self.path)).value(self.section, self.option) != wanted:
            raise ResourceError("text-ambiguous", path=self.path, encoding=self.encoding)
        system.files.write(self.path, left)
        return None

    def normal(self, state: State) -> State:
        """Take the blanks around the value away: nobody who reads the file sees them."""
        wanted = state.get("value")
        if wanted is None:
            return state
        text = str(reveal(wanted)).strip(" \t\r\f\v")
        return dict(state, value=Secret(text) if isinstance(wanted, Secret) else text)
