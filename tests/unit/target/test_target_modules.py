"""What the laws do not tell of single modules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.command import Command
from guiwei.modules.file import CONTENT_LIMIT, File
from guiwei.modules.ini import IniOption
from guiwei.modules.inquiry import Inquiry
from guiwei.modules.line import Line
from guiwei.modules.query import Query
from guiwei.modules.sqlite import SqliteRow
from guiwei.target import ini_text
from guiwei.target.secret import MASK, Secret


def _code(call: Any, *arguments: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*arguments)
    return caught.value.code


# ini, line, file


def test_many_options_of_one_file_are_one_parse(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    pc.put("/a.ini", ("[单位]\r\n" + "".join(f"选项{n}={n}\r\n" for n in range(30))).encode("gbk"))
    parsed: list[object] = []
    original = ini_text.parse
    monkeypatch.setattr(ini_text, "parse", lambda *args: (parsed.append(args), original(*args))[1])
    system = pc.reader()
    found = [IniOption("/a.ini", "单位", f"选项{n}", encoding="gbk").read(system) for n in range(30)]
    assert found == [{"value": str(n)} for n in range(30)]
    assert len(parsed) == 1


def test_a_missing_ini_file_is_made_only_if_it_may_be(pc: Pc) -> None:
    wanted = {"value": "v"}
    assert _code(IniOption("/a.ini", "s", "x", create=False).write, pc.writer(), wanted) == "path-missing"
    IniOption("/a.ini", "s", "x", encoding="utf-16", newline="crlf").write(pc.writer(), wanted)
    assert pc.tree()["a.ini"] == "[s]\r\nx=v\r\n".encode("utf-16")
    assert IniOption("/b.ini", "s", "x").write(pc.writer(), None) is None
    assert "b.ini" not in pc.tree()


def test_what_cannot_be_read_back_is_not_written(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=税\n".encode())
    before = pc.tree()
    for name, text in (("x", "a\nb"), ("x=y", "v"), ("x\nz", "v"), (";x", "v"), ("x", "é")):
        assert _code(IniOption("/a.ini", "s", name).write, pc.writer(), {"value": text}) == "text-ambiguous", (
            name,
            text,
        )
    assert _code(Line("/a.ini").write, pc.writer(), {"value": "a\nb"}) == "text-ambiguous"
    assert pc.tree() == before
    # Told the encoding, nothing is ambiguous.
    IniOption("/a.ini", "s", "x", encoding="utf-8").write(pc.writer(), {"value": "é"})
    assert pc.tree()["a.ini"] == "[s]\nx=é\n".encode()


def test_gbk_stays_gbk(pc: Pc) -> None:
    # 税 is CB B0 and 隆 is C2 A1: both are UTF-8 too.
    pc.put("/a.ini", "[s]\nx=税\n".encode("gbk"))
    option = IniOption("/a.ini", "s", "x")
    assert option.read(pc.reader()) == {"value": "税"}
    option.write(pc.writer(), {"value": "隆"})
    assert pc.tree()["a.ini"] == "[s]\nx=隆\n".encode("gbk")
    before = pc.tree()
    assert _code(option.write, pc.writer(), {"value": Secret("😀")}) == "text-unencodable"
    assert pc.tree() == before


def test_a_content_that_is_too_long_to_compare_is_said_so() -> None:
    assert _code(File("/x").normal, {"content": "税" * (CONTENT_LIMIT // 3 + 1)}) == "file-content-large"
    assert File("/x", newline="crlf").normal({"content": Secret("a\nb")}) == {"content": Secret("a\r\nb")}
    assert File.check_arguments({"content": "", "source": "x"}) is not None


# command


def test_a_secret_is_given_and_never_told(pc: Pc) -> None:
    script = 'read pin; echo "got $pin"; echo "err $pin" >&2'
    receipt = Command(["/bin/sh", "-c", script]).write(pc.writer(), {"done": True, "given": Secret("8812\nx")})
    assert receipt == {"code": 0, "output": f"got {MASK}\nerr {MASK}"}
    with pytest.raises(ResourceError) as caught:
        Command(["/bin/sh", "-c", script + "; exit 14"]).write(pc.writer(), {"done": True, "given": Secret("8812")})
    assert (caught.value.code, caught.value.arguments["exit_code"]) == ("command-failed", 14)
    assert "8812" not in str(caught.value)
    assert MASK in caught.value.arguments["output"]


def test_the_secret_of_a_step_stays_out_of_journal_and_report(pc: Pc) -> None:
    step: dict[str, Any] = {"module": "command", "with": {"argv": ["/bin/cat"]}}
    (result,) = pc.apply({**step, "state": {"done": True, "given": Secret("8812")}})
    assert (result["status"], result["changes"]) == ("changed", [["done", False, True]])
    assert "8812" not in json.dumps(result)
    assert not [path for path in pc.state.rglob("*") if path.is_file() and b"8812" in path.read_bytes()]


def test_output_is_cut_and_codes_are_chosen(pc: Pc) -> None:
    long = ["/bin/sh", "-c", "i=0; while [ $i -lt 400 ]; do echo 税号税号税号; i=$((i+1)); done; exit 3"]
    receipt = Command(long, success=[0, 3]).write(pc.writer(), {"done": True})
    assert receipt is not None
    assert receipt["code"] == 3
    assert 2000 < len(receipt["output"].encode()) <= 2048


def test_an_exit_code_proves_nothing(pc: Pc) -> None:
    assert _code(Command(["/bin/true"], creates="/x").write, pc.writer(), {"done": True}) == "command-no-effect"
    assert (
        _code(Command(["/bin/true"], unless=["/bin/false"]).write, pc.writer(), {"done": True}) == "command-no-effect"
    )
    assert Command(["/bin/true"], unless=["/bin/true"]).read(pc.reader()) == {"done": True}
    assert Command(["/bin/true"]).read(pc.reader()) == {"done": False}
    assert Command(["/bin/false"]).write(pc.writer(), {"done": False}) is None


def test_folder_and_environment(pc: Pc) -> None:
    pc.put("/work dir/x", "")
    command = Command(["/bin/sh", "-c", 'pwd; echo "$A"'], folder="/work dir", environment={"A": "税"})
    assert (command.write(pc.writer(), {"done": True}) or {})["output"] == f"{pc.root}/work dir\n税"


# inquiry, query


def test_an_answer_that_is_no_json_object_is_an_error(pc: Pc) -> None:
    for text in ("[]", "nonsense", ""):
        assert _code(Inquiry(["/bin/echo", text]).read, pc.reader()) == "inquiry-answer"
    assert Inquiry(["/none/client", "status"]).read(pc.reader()) is None
    assert Inquiry(["/bin/echo", '{"a": {"b": 1}}']).read(pc.reader()) == {"code": 0, "answer": {"a": {"b": 1}}}


def test_a_query_goes_by_the_schema(pc: Pc) -> None:
    import sqlite3

    with sqlite3.connect(pc.put("/d.db", b"")) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
        connection.execute("INSERT INTO meta VALUES ('schema', '3.1')")
    version = "SELECT value FROM meta WHERE key = 'schema'"
    by_version: Any = {3.1: "SELECT 31 AS n", "2": "SELECT 2 AS n"}
    assert Query("/d.db", by_version=by_version, version_sql=version).read(pc.reader()) == {"rows": [{"n": 31}]}
    with pytest.raises(ResourceError) as caught:
        Query("/d.db", by_version={"2": "SELECT 2"}, version_sql=version).read(pc.reader())
    assert (caught.value.code, caught.value.arguments["version"]) == ("query-version", "3.1")
    assert Query("/none.db", sql="SELECT 1").read(pc.reader()) is None
    assert Query.check_arguments({"sql": "a", "by_version": {"1": "b"}}) is not None
    assert Query.check_arguments({}) is not None
    assert Query.check_arguments({"sql": "a"}) is None


def test_sqlite_arguments() -> None:
    check = SqliteRow.check_arguments
    assert check({"path": "/d", "table": "t", "key": {"a": 1}, "row": {"b": 1}}) is None
    assert check({"path": "/d", "schema_version": 3}) is None
    bad: list[dict[str, Any]] = [
        {"table": "t"}, {"key": {"a": 1}}, {"row": {"b": 1}}, {"table": "t", "key": {"a": 1}, "schema_version": 1},
        {"table": "t", "key": {"a": 1}, "row": {"a": 2}},
    ]  # fmt: skip
    assert [check(one) is None for one in bad] == [False] * 5


def test_a_database_is_not_removed(pc: Pc) -> None:
    pc.put("/d.db", b"")
    assert _code(SqliteRow("/d.db").write, pc.writer(), None) == "sqlite-absent"
