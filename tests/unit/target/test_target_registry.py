"""What can be said of the registry without Windows; its laws are tried in tests/windows."""

from __future__ import annotations

from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.registry import RegistryValue
from guiwei.target.registry import Raw, place_of
from guiwei.target.secret import Secret

KEY = r"HKLM\SOFTWARE\航天信息\防伪开票\版本号"


class OneValue:
    """A registry in which there is one value, or none."""

    def __init__(self, there: Raw | None) -> None:
        self.there = there

    def get(self, path: str, name: str, view: int) -> Raw | None:
        return self.there

    def put(self, path: str, name: str, view: int, wanted: Raw) -> None:
        self.there = wanted


class OnWindows:
    """As much of a system as the module asks for."""

    def __init__(self, there: Raw | None) -> None:
        self.registry = OneValue(there)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def test_elsewhere_it_says_that_it_is_for_windows(pc: Pc) -> None:
    for call in (lambda: RegistryValue(KEY).read(pc.reader()), lambda: RegistryValue(KEY).write(pc.writer(), None)):
        with pytest.raises(ResourceError) as caught:
            call()
        assert caught.value.code == "registry-windows-only"
    (result,) = pc.apply({"module": "registry", "with": {"path": KEY}, "state": {"data": "1"}})
    assert (result["status"], result["error"]["code"]) == ("failed", "registry-windows-only")


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (Raw(1, utf16("开票\0")), {"type": "REG_SZ", "data": "开票"}),
        (Raw(1, utf16("开票")), {"type": "REG_SZ", "data": "开票"}),
        (Raw(2, utf16("%x%\0")), {"type": "REG_EXPAND_SZ", "data": "%x%"}),
        (Raw(1, b""), {"type": "REG_SZ", "data": ""}),
        (Raw(7, utf16("甲\0乙\0\0")), {"type": "REG_MULTI_SZ", "data": ["甲", "乙"]}),
        (Raw(7, b""), {"type": "REG_MULTI_SZ", "data": []}),
        (Raw(4, b"\1\0\0\0"), {"type": "REG_DWORD", "data": 1}),
        (Raw(5, b"\0\0\0\1"), {"type": "REG_DWORD_BIG_ENDIAN", "data": 1}),
        (Raw(11, b"\0\0\0\0\1\0\0\0"), {"type": "REG_QWORD", "data": 1 << 32}),
        (Raw(4, b"\1\2\3"), {"type": "REG_DWORD", "data": "010203"}),
        (Raw(3, b"\xff"), {"type": "REG_BINARY", "data": "ff"}),
        (Raw(0x20, b"\xff"), {"type": "REG_0x20", "data": "ff"}),
    ],
)
def test_what_is_there_is_read_as_what_it_is_and_stays_as_it_is(raw: Raw, state: dict[str, Any]) -> None:
    system: Any = OnWindows(raw)
    assert RegistryValue(KEY).read(system) == state
    RegistryValue(KEY).write(system, state)
    assert system.registry.there == raw


@pytest.mark.parametrize(
    ("there", "state", "left"),
    [
        (None, {"data": "甲"}, Raw(1, utf16("甲\0"))),
        (None, {"data": 7}, Raw(4, b"\7\0\0\0")),
        (None, {"data": ["甲"]}, Raw(7, utf16("甲\0\0"))),
        (None, {"data": [], "type": "REG_MULTI_SZ"}, Raw(7, utf16("\0"))),
        (Raw(2, utf16("x\0")), {"data": "甲"}, Raw(2, utf16("甲\0"))),
        (Raw(11, bytes(8)), {"data": 7}, Raw(11, b"\7" + bytes(7))),
        (Raw(1, utf16("x\0")), {"type": "REG_EXPAND_SZ"}, Raw(2, utf16("x\0"))),
        (Raw(1, utf16("x\0")), {"data": Secret("geheim")}, Raw(1, utf16("geheim\0"))),
    ],
)
def test_what_is_not_said_stays(there: Raw | None, state: dict[str, Any], left: Raw) -> None:
    system: Any = OnWindows(there)
    RegistryValue(KEY).write(system, state)
    assert system.registry.there == left


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"path": r"HKLM\SOFTWARE\Wow6432Node\x", "data": "1"}, "registry-redirected"),
        ({"path": KEY, "type": "REG_SZ", "data": 1}, "registry-data-text"),
        ({"path": KEY, "data": "a\0b"}, "registry-data-text"),
        ({"path": KEY, "type": "REG_DWORD", "data": 1 << 32}, "registry-data-number"),
        ({"path": KEY, "type": "REG_DWORD", "data": "1"}, "registry-data-number"),
        ({"path": KEY, "data": -1}, "registry-data-number"),
        ({"path": KEY, "data": True}, "registry-data-number"),
        ({"path": KEY, "data": 1.5}, "registry-data-number"),
        ({"path": KEY, "data": ["a", ""]}, "registry-data-list"),
        ({"path": KEY, "type": "REG_MULTI_SZ", "data": "a"}, "registry-data-list"),
        ({"path": KEY, "type": "REG_BINARY", "data": "FF"}, "registry-data-bytes"),
        ({"path": KEY, "type": "REG_BINARY", "data": "fff"}, "registry-data-bytes"),
        ({"path": KEY, "type": "REG_BINARY", "data": ""}, None),
        ({"path": KEY, "type": "REG_SZ", "data": "{{ version }}"}, None),
        ({"path": KEY, "type": "REG_DWORD", "data": "{{ number }}"}, None),
        ({"path": KEY, "type": "{{ kind }}", "data": 7}, None),
        ({"path": KEY}, None),
    ],
)
def test_a_playbook_is_told_before_any_pc_is_asked(arguments: dict[str, Any], code: str | None) -> None:
    error = RegistryValue.check_arguments(arguments)
    assert (error.code if error else None) == code


def test_a_secret_is_not_in_the_error() -> None:
    system: Any = OnWindows(None)
    with pytest.raises(ResourceError) as caught:
        RegistryValue(KEY).write(system, {"type": "REG_DWORD", "data": Secret("geheim")})
    assert "geheim" not in str(caught.value)


def test_simulated_pcs_have_keys_of_their_own() -> None:
    assert place_of(KEY) == KEY
    one, other = place_of(KEY, "/pc/1"), place_of(KEY, "/pc/2")
    assert one != other
    assert one.startswith("HKLM\\SOFTWARE\\guiwei\\roots\\")
    assert one.endswith("\\" + KEY)
    for path in ("HKXX\\a", "HKLM", "HKLM\\", "HKLM\\a\\\\b", "SOFTWARE\\a"):
        with pytest.raises(ResourceError) as caught:
            place_of(path)
        assert caught.value.code == "registry-path"
