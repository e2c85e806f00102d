"""Packages have the same bytes each time, setup touches two values, files keep their encoding, ids are valid."""

from __future__ import annotations

import ast
import datetime
import importlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc as independent

from lab.lantai import branch, build, uscc

LAB = Path(__file__).resolve().parents[2] / "lab"
PROGRAM = LAB / "lantai" / "program"


@pytest.mark.parametrize("version", build.VERSIONS)
def test_a_package_has_the_same_bytes_each_time(packages: str, tmp_path: Path, version: str) -> None:
    first = Path(build.package_path(packages, version)).read_bytes()
    out = str(tmp_path / "again")
    command = [sys.executable, str(LAB / "lantai" / "build.py"), "--version", version, "--out", out]
    subprocess.run(command, check=True, env={**os.environ, "TZ": "Asia/Shanghai"}, umask=0o077, capture_output=True)
    assert Path(build.package_path(out, version)).read_bytes() == first
    with tarfile.open(build.package_path(packages, version)) as archive:
        members = {member.name: member for member in archive}
    assert members["bin/lantai"].mode == 0o755
    assert {member.mode for name, member in members.items() if name.endswith(".py")} == {0o644}
    assert {(member.uid, member.uname, member.mtime) for member in members.values()} == {(0, "", 1735689600)}
    assert ("lib/lantai/migrate.py" in members) == (version != "2.4.0")


def test_versions_differ_and_unknown_ones_are_refused(packages: str, tmp_path: Path) -> None:
    assert len({Path(build.package_path(packages, version)).read_bytes() for version in build.VERSIONS}) == 3
    with pytest.raises(ValueError, match=r"2\.5\.0"):
        build.build("2.5.0", str(tmp_path))


def test_setup_keeps_all_else_in_the_record(pc: branch.Branch, packages: str) -> None:
    record = Path(pc.root, "etc", "lantai", "record.ini")
    section = ("[" + pc.instance + "]").encode()
    rest = record.read_bytes().partition(section)[2]
    assert rest.startswith(b"\nVersion=3.1.0\n")
    odd = b"; kept\n[client]\nOther = x \nVersion= 1.0 \nPath=/old\n\n[x.0]\nVersion=1\n\n" + section + rest
    record.write_bytes(odd + b"; no line end")
    branch.install(pc.root, pc.instance, "3.0.0", packages)
    folder = ("/var/lib/兰台开票/" + pc.instance).encode()
    wanted = odd.replace(b"Version= 1.0 ", b"Version= 3.0.0").replace(b"Path=/old", b"Path=" + folder)
    wanted = wanted.replace(section + b"\nVersion=3.1.0", section + b"\nVersion=3.0.0")
    assert record.read_bytes() == wanted + b"; no line end"
    stamp = record.stat().st_mtime_ns
    assert pc.run("setup").code == 0
    assert record.stat().st_mtime_ns == stamp, "nothing to write"


def test_files_are_gbk_with_crlf(pc: branch.Branch) -> None:
    pc.at_work()
    for name in ("Config/兰台.ini", "Config/安全接入地址.txt", "Log/lantai.log"):
        data = Path(pc.folder, name).read_bytes()
        assert data.count(b"\n") == data.count(b"\r\n") > 0, name
        data.decode("gbk")
    settings_file = Path(pc.folder, "Config", "兰台.ini").read_bytes()
    assert "; 统一社会信用代码\r\n税号=".encode("gbk") in settings_file
    assert "名称=青禾商贸有限公司\r\n".encode("gbk") in settings_file
    with pytest.raises(UnicodeDecodeError):
        settings_file.decode("utf-8")
    for path in (Path(pc.root, "etc/lantai/record.ini"), Path(pc.folder, "Disk/register.ini")):
        assert b"\r" not in path.read_bytes()
        path.read_text("utf-8")
    header = Path(pc.folder, "Data", "lantai.db").read_bytes()[:20]
    assert header.startswith(b"SQLite format 3\0")
    assert header[18:20] == b"\x01\x01", "a rollback journal, no WAL"


@pytest.fixture(scope="module")
def inifile() -> Any:
    sys.path.insert(0, str(PROGRAM / "lib"))
    try:
        return importlib.import_module("lantai.inifile")
    finally:
        del sys.path[0]


WORDS = st.text("abc名称端口;# \t", min_size=1, max_size=6)
FILES = st.lists(
    st.one_of(
        st.just("[单位]"),
        st.just("[开票]"),
        st.builds("{}={}".format, st.sampled_from(["税号", " 名称 ", "端口"]), WORDS),
        WORDS.map(";".__add__),
        st.just(""),
    ),
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(lines=FILES, end=st.sampled_from(["\r\n", "\n"]), last=st.booleans(), value=st.text("xyz值", min_size=1))
def test_setting_a_value_changes_its_line_only(
    inifile: Any, tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, last: bool, value: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.ini"
    data = (end.join(lines) + (end if last and lines else "")).encode("gbk")
    path.write_bytes(data)
    file = inifile.IniFile(str(path), "gbk", "\r\n")
    old = file.get("单位", "税号")
    file.save()
    assert path.read_bytes() == data
    file.set("单位", "税号", value)
    file.save()
    assert inifile.IniFile(str(path), "gbk").get("单位", "税号") == value
    before, after = data.split(b"\n"), path.read_bytes().split(b"\n")
    if old is None:
        assert [line for line in after if line.rstrip(b"\r")] != [line for line in before if line.rstrip(b"\r")]
        assert len(after) - len(before) <= 4
    else:
        assert len(after) == len(before)
        assert sum(one != other for one, other in zip(before, after, strict=True)) <= 1
        file.set("单位", "税号", old)
        assert inifile.IniFile(str(path), "gbk").get("单位", "税号") == value


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), place=st.integers(0, 17))
def test_taxpayer_ids_are_valid_and_fictional(seed: int, place: int) -> None:
    ids = uscc.usccs(seed, 3)
    assert len(set(ids)) == 3
    for each in ids:
        assert independent.is_valid(each)
        assert uscc.is_valid(each)
        assert each[2:4] == "99"
        spoilt = each[:place] + ("1" if each[place] == "0" else "0") + each[place + 1 :]
        assert not uscc.is_valid(spoilt)
    assert ids == uscc.usccs(seed, 3)


def test_histories_are_the_same_for_the_same_seed() -> None:
    day = datetime.date(2026, 3, 31)
    assert branch.history(5, 120, until=day) == branch.history(5, 120, until=day)
    assert branch.history(5, 120, until=day) != branch.history(6, 120, until=day)
    made = branch.history(5, 300, until=day)
    assert {entry["kind"] for entry in made} == {"004", "007", "026", "028"}
    assert any(entry["status"] == "void" for entry in made)
    assert any(entry["red_of"] is not None for entry in made)
    assert [entry["uploaded"] for entry in made] == [True] * 295 + [False] * 5
    assert [entry["issued"] for entry in made] == sorted(entry["issued"] for entry in made)
    assert made[-1]["issued"].startswith("2026-03-31")


def test_the_client_is_made_of_the_standard_library_and_knows_nobody() -> None:
    files = [*PROGRAM.rglob("*.py"), PROGRAM / "bin" / "lantai", *(LAB / "lantai").glob("*.py")]
    assert len(files) > 30
    for path in files:
        source = path.read_text("utf-8")
        assert "guiwei" not in source, path
        for node in ast.walk(ast.parse(source)):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "lantai"}, (path, name)


def test_the_client_needs_no_more_than_python_3_7() -> None:
    vermin = [sys.executable, "-c", "import vermin; vermin.main()", "-t=3.7-", "--no-tips"]
    done = subprocess.run(
        [*vermin, str(PROGRAM), str(PROGRAM / "bin" / "lantai")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
