"""One value of a JSON file."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import Any, ClassVar, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.json_text import MISSING, Json, canonical, parse_json, plain, pointer_parts
from guiwei.target.system import System
from guiwei.target.text import ENCODINGS, NEWLINES, empty, render


@dataclasses.dataclass(frozen=True)
class JsonValue(Resource):
    """Keep one value; order, spacing, line ends, comments, BOM and encoding stay as they are.

    Comments and a comma after the last member are accepted, as the readers of settings files do. Objects that are
    missing on the way are made. Absent takes the member away, with its comma, and nothing else.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "One value of a JSON file."
    summary_zh: ClassVar[str] = "JSON 文件中的一个值。"

    path: str = key(
        "Absolute path.",
        "绝对路径。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/开票软件/Config/settings.json",
    )
    pointer: str = key(
        "JSON pointer: names from the outside in, each after a `/`; in a name `~1` is `/` and `~0` is `~`.",
        "JSON 指针：由外到内的名称，各以 / 开头；名称中的 / 写作 ~1，~ 写作 ~0。",
        pattern=r"^(/([^~]|~[01])*|\{\{.*)$",
        example="/upload/url",
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
    create: bool = option("Make the file if it is missing.", "文件不存在时创建。", default=True, example=False)
    is_null: Optional[bool] = value(
        "The value is `null`, which a playbook cannot write as `value`.",
        "值为 null（剧本中无法用 value 表示）。",
        choices=[True],
        example=True,
    )
    value: Optional[Any] = value(
        'Any JSON value; 1, 1.0, true and "1" are four different ones.',
        '任意 JSON 值；1、1.0、true、"1" 互不相同。',
        form="json",
        example="https://skfp.example.cn:7008",
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse two values, and a number that JSON does not have."""
        if arguments.get("is_null") and arguments.get("value") is not None:
            return ResourceError("json-two-values")
        try:
            json.dumps(arguments.get("value"), allow_nan=False, default=str)
        except (TypeError, ValueError) as error:
            return ResourceError("json-not-json", detail=str(error))
        return None

    def read(self, system: System) -> Optional[State]:
        """Return the value; None if file or member is not there."""
        data = system.files.read(self.path)
        if data is None:
            return None
        found = parse_json(data, self.encoding, "\n", self.path).value(pointer_parts(self.pointer))
        if found is MISSING:
            return None
        return {"is_null": True} if found is None else {"value": found}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Set the value, adding what is missing on the way to it; or take the member away."""
        data = system.files.read(self.path)
        if data is None and (state is None or not self.create):
            if state is None:
                return None
            raise ResourceError("path-missing", path=self.path)
        newline = NEWLINES[self.newline]
        if data is None:
            there = Json(empty(self.encoding), newline, self.path)
        else:
            there = parse_json(data, self.encoding, newline, self.path)
        place = pointer_parts(self.pointer)
        if state is None:
            system.files.write(self.path, render(there.without(place).file()))
            return None
        wanted = plain(state.get("value"))
        if wanted is None and not state.get("is_null") and there.value(place) is not MISSING:
            return None
        system.files.write(self.path, self._written(there, wanted))
        return None

    def _written(self, there: Json, wanted: Any) -> bytes:
        """Return the file with the value, every added character as it is, or escaped if that reads back better."""
        place = pointer_parts(self.pointer)
        encoding = there.file().encoding
        for known in (encoding, "ascii"):
            left = render(there.with_value(place, wanted, partial(_spelled, encoding=known)).file(), hide=True)
            # Bytes that `auto` would take for another encoding must not get so far.
            if canonical(parse_json(left, self.encoding, "\n", self.path).value(place)) == canonical(wanted):
                return left
        raise ResourceError("text-ambiguous", path=self.path, encoding=self.encoding)


def _spelled(piece: str, encoding: str) -> str:
    r"""Return JSON text with `\uXXXX` for the characters that an encoding lacks; they stand in strings alone."""
    try:
        piece.encode(encoding)
        return piece
    except UnicodeEncodeError:
        return "".join(one if _has(encoding, one) else json.dumps(one)[1:-1] for one in piece)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
