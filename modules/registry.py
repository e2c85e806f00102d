"""One value in the Windows registry."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, value
from guiwei.target.registry import Raw
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System

#: Kinds by their numbers (winnt.h).
_NAMES = ("REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_LINK",
          "REG_MULTI_SZ", "REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTOR", "REG_RESOURCE_REQUIREMENTS_LIST",
          "REG_QWORD")  # fmt: skip
_TEXTS = ("REG_SZ", "REG_EXPAND_SZ")
#: Bytes of a number, and their order.
_NUMBERS = {"REG_DWORD": (4, "little"), "REG_DWORD_BIG_ENDIAN": (4, "big"), "REG_QWORD": (8, "little")}
_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")


@dataclasses.dataclass(frozen=True)
class RegistryValue(Resource):
    """Keep one value; other values of its key are left alone, and the keys above it are made where they are missing.

    A 32-bit program on 64-bit Windows sees `HKLM\\SOFTWARE` elsewhere than a 64-bit one; `view` says whose eyes count,
    so that a path never names `WOW6432Node` and every value has one name.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "One value in the Windows registry."
    summary_zh: ClassVar[str] = "Windows 注册表中的一个值。"

    path: str = key(
        "Key, beginning with HKLM, HKCU, HKCR, HKU or HKCC.",
        "注册表项，以 HKLM、HKCU、HKCR、HKU 或 HKCC 开头。",
        pattern=r"^(HK(LM|CU|CR|U|CC)(\\[^\\]+)+$|\{\{)",
        example=r"HKLM\SOFTWARE\航天信息\防伪开票\路径",
    )
    name: str = key(
        "Value's name; empty for the key's default value.", "值的名称；空表示默认值。", default="", example="Version"
    )
    view: int = key(
        "Seen by a 64-bit or a 32-bit program (`WOW6432Node`).",
        "以 64 位还是 32 位程序的视图（WOW6432Node）访问。",
        default=64,
        choices=[64, 32],
    )
    # The base class calls the kind of a resource type `kind`.
    type: Optional[str] = value(
        "Kind of value; unset, that of the value that is there, else by `data`: text, list or number.",
        "值的类型；未写时沿用已有值的类型，否则按 data 为文本、列表或数字。",
        choices=[*_TEXTS, "REG_MULTI_SZ", *_NUMBERS, "REG_BINARY", "REG_NONE"],
    )
    data: Any = value(
        "Text, whole number, list of texts (`REG_MULTI_SZ`), or bytes as lower-case hexadecimal digits.",
        "文本、整数、文本列表（REG_MULTI_SZ），或以小写十六进制数字表示的字节。",
        example="3.1.0",
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse data that its kind cannot hold, and the other view's name in the path."""
        path, data, wanted = arguments.get("path"), arguments.get("data"), arguments.get("type")
        if isinstance(path, str) and _is_redirected(path):
            return ResourceError("registry-redirected", path=path)
        if data is None or not isinstance(data, (str, int, float, list, tuple, Mapping)) or _is_open(data):
            return None
        if _is_open(wanted):
            return None
        try:
            _encoded(wanted or _kind_for(data), data)
        except ResourceError as error:
            return error
        return None

    def read(self, system: System) -> Optional[State]:
        """Return kind and data; data that do not fit their kind as bytes."""
        self._check()
        found = system.registry.get(self.path, self.name, self.view)
        return None if found is None else _state(found)

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Set kind and data; remove the value alone."""
        self._check()
        if state is None:
            system.registry.remove(self.path, self.name, self.view)
            return None
        there = system.registry.get(self.path, self.name, self.view)
        found = {} if there is None else _state(there)
        given = state.get("data")
        data = found.get("data") if given is None else reveal(given)
        if data is None:
            raise ResourceError("registry-data-missing", path=self.path, name=self.name)
        wanted = state.get("type") or found.get("type") or _kind_for(data)
        if found == {"type": wanted, "data": data}:
            # What is there may be written otherwise (a text without its NUL): it stays, byte for byte.
            return None
        raw = _encoded(wanted, data, isinstance(given, Secret))
        system.registry.put(self.path, self.name, self.view, raw)
        return None

    def _check(self) -> None:
        if _is_redirected(self.path):
            raise ResourceError("registry-redirected", path=self.path)


def _is_redirected(path: str) -> bool:
    return "WOW6432NODE" in path.upper().split("\\")


def _is_open(item: Any) -> bool:
    """Tell whether templates will still change it; then it is checked once it is known."""
    if isinstance(item, (list, tuple)):
        return any(_is_open(part) for part in item)
    if isinstance(item, str):
        return "{{" in item or "{%" in item
    return item is not None and not isinstance(item, (int, float, Mapping))


def _kind_for(data: Any) -> str:
    if isinstance(data, (list, tuple)):
        return "REG_MULTI_SZ"
    return "REG_SZ" if isinstance(data, str) else "REG_DWORD"


def _state(raw: Raw) -> State:
    name = _NAMES[raw.kind] if raw.kind < len(_NAMES) else "REG_0x%X" % raw.kind
    return {"type": name, "data": _decoded(name, raw.data)}


def _decoded(name: str, data: bytes) -> Any:
    try:
        if name in _TEXTS:
            return _text(data)
        if name == "REG_MULTI_SZ":
            text = _text(data)
            return _without_end(text).split("\0") if text else []
    except UnicodeDecodeError:
        return data.hex()
    if name in _NUMBERS and len(data) == _NUMBERS[name][0]:
        return int.from_bytes(data, _order(name))
    return data.hex()


def _text(data: bytes) -> str:
    """Return the text without its NUL; half a character at the end is nobody's."""
    return _without_end(data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass"))


def _without_end(text: str) -> str:
    return text[:-1] if text.endswith("\0") else text


def _encoded(name: str, data: Any, hide: bool = False) -> Raw:
    """Return data as their kind is stored.

    Raises:
        ResourceError: the kind cannot hold them (`registry-data-…`); a secret is not shown in it.
    """
    shown = "" if hide else data
    number = _NAMES.index(name) if name in _NAMES else int(name[6:], 16)
    if name in _TEXTS:
        if not isinstance(data, str) or "\0" in data:
            raise ResourceError("registry-data-text", kind=name, data=shown)
        return Raw(number, _utf16(data))
    if name == "REG_MULTI_SZ":
        # An empty text ends the list for whoever reads it.
        if not isinstance(data, (list, tuple)) or not all(isinstance(e, str) and e and "\0" not in e for e in data):
            raise ResourceError("registry-data-list", kind=name, data=shown)
        return Raw(number, _utf16("".join(each + "\0" for each in data)))
    if name in _NUMBERS:
        size, _ = _NUMBERS[name]
        if not isinstance(data, int) or isinstance(data, bool) or not 0 <= data < 1 << 8 * size:
            raise ResourceError("registry-data-number", kind=name, data=shown, largest=(1 << 8 * size) - 1)
        return Raw(number, data.to_bytes(size, _order(name)))
    if not isinstance(data, str) or not _HEX.match(data):
        raise ResourceError("registry-data-bytes", kind=name, data=shown)
    return Raw(number, bytes.fromhex(data))


def _order(name: str) -> Any:
    return _NUMBERS[name][1]


def _utf16(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "surrogatepass")
