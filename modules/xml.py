"""The text of one element of an XML file, or one attribute of it."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.secret import reveal
from guiwei.target.system import System
from guiwei.target.text import ENCODINGS, NEWLINES, render
from guiwei.target.xml_path import PATH_PATTERN, XmlPath, parse_path
from guiwei.target.xml_text import Xml, new_xml, parse_xml


@dataclasses.dataclass(frozen=True)
class XmlValue(Resource):
    """Keep the text of an element or an attribute's value; every other byte stays as it is.

    Elements that are missing on the way are made, with what the path's conditions want of them. Absent takes the
    attribute or the element away. Files with a document type are refused: nothing is expanded, nothing is fetched.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "The text of an XML element, or an attribute."
    summary_zh: ClassVar[str] = "XML 文件中一个元素的文本或一个属性。"

    path: str = key(
        "Absolute path.",
        "绝对路径。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/开票软件/Config/client.xml",
    )
    xpath: str = key(
        "Elements from the root on: `/a/b`, `/a/b/@attribute`, `/a/b[@name='x']`, `/a/b[name='x']/c`, `/a/b[2]`.",
        "从根元素起的路径：/a/b、/a/b/@属性、/a/b[@name='x']、/a/b[name='x']/c、/a/b[2]。",
        pattern=PATH_PATTERN,
        example="/config/upload/@url",
    )
    encoding: str = option(
        "Encoding; `auto` believes the file's declaration, and makes a new file UTF-8.",
        "编码；auto 以文件声明为准，新文件用 UTF-8。",
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
    value: Optional[str] = value(
        "The text, exactly: blanks and line ends around it count.",
        "文本，须完全一致，首尾空白和换行也算在内。",
        form="text",
        example="https://skfp.example.cn:7008",
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse a path that is none, and a value that its own conditions contradict."""
        text, wanted = arguments.get("xpath"), arguments.get("value")
        if not isinstance(text, str) or "{{" in text:
            return None
        try:
            path = parse_path(text)
        except ResourceError as error:
            return error
        if wanted is not None and not (isinstance(wanted, str) and "{{" in wanted) and _contradicts(path, wanted):
            return ResourceError("xml-key-changed", xpath=text)
        return None

    def read(self, system: System) -> Optional[State]:
        """Return the text; None if file, element or attribute is not there; nothing of an element of elements."""
        data = system.files.read(self.path)
        if data is None:
            return None
        return _state(parse_xml(data, self.encoding, "\n", self.path), parse_path(self.xpath))

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Set the text, adding elements and file where they are missing; or take attribute or element away."""
        data = system.files.read(self.path)
        if data is None and (state is None or not self.create):
            if state is None:
                return None
            raise ResourceError("path-missing", path=self.path)
        path, newline = parse_path(self.xpath), NEWLINES[self.newline]
        if data is None:
            there = new_xml(self.encoding, newline, self.path)
        else:
            there = parse_xml(data, self.encoding, newline, self.path)
        if state is None:
            system.files.write(self.path, render(there.without(path).file()))
            return None
        if state.get("value") is None and _state(there, path) is not None:
            return None
        wanted = str(reveal(state["value"])) if state.get("value") is not None else ""
        if _contradicts(path, wanted):
            raise ResourceError("xml-key-changed", xpath=self.xpath)
        system.files.write(self.path, self._written(there, path, wanted))
        return None

    def _written(self, there: Xml, path: XmlPath, wanted: str) -> bytes:
        """Return the file with the value, every added character as it is, or as a reference if that reads back."""
        for known in (there.encoding, "ascii"):
            left = render(there.with_value(path, wanted, known).file(), hide=True)
            # Bytes that would be taken for another encoding must not get so far.
            if _state(parse_xml(left, self.encoding, "\n", self.path), path) == {"value": wanted}:
                return left
        raise ResourceError("text-ambiguous", path=self.path, encoding=self.encoding)


def _state(there: Xml, path: XmlPath) -> Optional[State]:
    element = there.found(path)
    if element is None:
        return None
    if path.attribute is not None:
        attribute = element.attribute(path.attribute)
        return None if attribute is None else {"value": attribute.value}
    return {} if element.text is None else {"value": element.text}


def _contradicts(path: XmlPath, wanted: Any) -> bool:
    """Tell whether a value would make its own element another one."""
    return any(
        one.attribute and one.name == path.attribute and one.value != str(reveal(wanted))
        for one in path.steps[-1].conditions
    )
