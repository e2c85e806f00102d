"""The bundle for the service provider holds what helps, and neither a secret nor who bought something."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lantai_support import TAXPAYERS, Shop, open_shop
from scenario_bench import INVENTORY, PLAYBOOK, Bench
from scenario_cases import Run
from scenario_leaks import forms, found_in

from lab.lantai import faults

#: A buyer and an operator's phone, as a clerk might leave them in a log; fictional.
STRAY_TAXPAYER, STRAY_PHONE = "91996731333271677W", "13912345678"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, "3.1.0", running=True)
    made.play({"parameters": {"timeout": 77}, "disk": {"registered": True}})
    return made


def bundle(shop: Shop, *words: str, code: int = 0) -> dict[str, str]:
    result = shop.guiwei("support", *words, "-o", "bundle.zip")
    assert result.code == code, result
    path = shop.bench.work / "bundle.zip"
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name).decode("utf-8") for name in packed.namelist()}


def buyers(shop: Shop) -> list[str]:
    with closing(sqlite3.connect(Path(shop.one.folder, "Data", "lantai.db"))) as database:
        rows = database.execute("SELECT buyer, buyer_tax FROM invoice").fetchall()
    return sorted({text for row in rows for text in row if text}, key=len)


def log_more(shop: Shop) -> None:
    """What a client may write into its log: whoever bought, and whatever was typed."""
    path = Path(shop.one.folder, "Log", "lantai.log")
    lines = [f"开具 {name} 成功\r\n" for name in buyers(shop)]
    lines.append(f"购方 {STRAY_TAXPAYER} 电话 {STRAY_PHONE} 口令 {shop.one.password} PIN={shop.one.pin}\r\n")
    with path.open("ab") as file:
        file.write("".join(lines).encode("gbk"))


def test_it_holds_what_a_provider_asks_for(shop: Shop) -> None:
    shop.apply()
    shop.play({"parameters": {"timeout": 78}})
    files = bundle(shop, "play.yml")
    names = set(files)
    run = json.loads(shop._run("runs", "--json").out)["runs"][0]["id"]
    instance = shop.one.instance
    assert {"README.txt", "versions.json", "pc1/facts.json", "pc1/plan.json", "pc1/backups.json"} <= names
    assert {f"pc1/runs/{run}.json", f"pc1/journals/{run}.json", f"pc1/logs/{instance}/lantai.log"} <= names
    assert json.loads(files["versions.json"])["guiwei"]
    assert json.loads(files["pc1/plan.json"])["status"] == "differs"
    assert json.loads(files[f"pc1/runs/{run}.json"])["result"]["status"] == "changed"
    assert json.loads(files[f"pc1/journals/{run}.json"])[0]["op"] == "run"
    assert "服务启动" in files[f"pc1/logs/{instance}/lantai.log"]
    # The company's own ids stay: the provider must know whose disk it is.
    assert shop.one.disk_number in files["pc1/plan.json"]


def test_neither_a_secret_nor_a_buyer_is_in_it(shop: Shop) -> None:
    log_more(shop)
    shop.apply()
    names = buyers(shop)
    assert len(names) > 5
    files = bundle(shop, "play.yml")
    whole = "\n".join(files.values())
    log = files[f"pc1/logs/{shop.one.instance}/lantai.log"]
    assert log.count("‹buyer›") >= len(names)
    assert "购方 ‹taxpayer› 电话 ‹phone› 口令 •••••• PIN=••••••" in log
    assert [name for name in names if name in whole] == []
    for secret in (shop.one.pin, shop.one.password):
        assert found_in(whole.encode("utf-8"), forms(secret)) == []
    assert STRAY_TAXPAYER not in whole
    assert STRAY_PHONE not in whole
    assert TAXPAYERS[0] in log or TAXPAYERS[0] in whole


def test_where_nobody_knows_whom_to_mask_no_log_is_given(shop: Shop) -> None:
    log_more(shop)
    names = buyers(shop)
    faults.database_damaged(shop.root, shop.one.instance)
    files = bundle(shop, "play.yml")
    log = files[f"pc1/logs/{shop.one.instance}/lantai.log"]
    assert log.startswith("Not given")
    assert [name for name in names if name in "\n".join(files.values())] == []


def test_a_profile_that_does_not_say_whom_to_mask_gives_no_log(shop: Shop) -> None:
    shop.product(("sql: SELECT DISTINCT buyer, buyer_tax FROM invoice", "sql: SELECT 1"))
    text = (shop.bench.work / "products" / "lantai.yml").read_text("utf-8")
    head, _, rest = text.partition("  people:\n")
    shop.bench.write({"products/lantai.yml": head + rest.partition("sql: SELECT 1\n")[2]})
    log = bundle(shop, "play.yml")[f"pc1/logs/{shop.one.instance}/lantai.log"]
    assert "does not say whom to mask" in log


def test_the_end_of_a_long_log_is_given_in_whole_lines(shop: Shop) -> None:
    path = Path(shop.one.folder, "Log", "lantai.log")
    (buyer,) = buyers(shop)[-1:]
    path.write_bytes(f"2026-11-24 {buyer} 第一行\r\n".encode("gbk") * 6000 + "最后一行\r\n".encode("gbk"))
    log = bundle(shop, "play.yml")[f"pc1/logs/{shop.one.instance}/lantai.log"]
    assert 50_000 < len(log) < 110_000
    lines = log.splitlines()
    assert lines[-1] == "最后一行"
    assert set(lines[:-1]) == {"2026-11-24 ‹buyer› 第一行"}


def test_nothing_on_the_pc_changes(shop: Shop) -> None:
    before, state = shop.snapshot(), sorted(str(path) for path in shop.bench.state.rglob("*"))
    bundle(shop, "play.yml")
    assert shop.snapshot() == before
    after = sorted(str(path) for path in shop.bench.state.rglob("*") if "payload" not in str(path))
    assert after == [path for path in state if "payload" not in path]


def test_without_a_playbook_the_last_run_s_is_taken(shop: Shop) -> None:
    assert "pc1/plan.json" not in bundle(shop)
    shop.apply()
    files = bundle(shop)
    assert "pc1/plan.json" in files
    assert f"pc1/logs/{shop.one.instance}/lantai.log" in files


def test_a_host_that_cannot_be_reached_is_told_with_what_is_known(bench: Bench, run: Run) -> None:
    far = "    pc2:\n      ansible_connection: ssh\n      ansible_host: 127.0.0.1\n      ansible_port: 9\n"
    far += "      ansible_password: hunter2-hunter2\n"
    bench.write({"hosts.yml": INVENTORY + far, "play.yml": PLAYBOOK})
    run("apply", "play.yml", "-i", "hosts.yml", "--yes")
    result = run("support", "-i", "hosts.yml", "-o", "out.zip", "--json")
    assert result.code == 5
    told: dict[str, Any] = json.loads(result.out)
    assert "pc2/error.json" in told["files"]
    assert any(name.startswith("pc2/runs/") for name in told["files"])
    with zipfile.ZipFile(bench.work / "out.zip") as packed:
        assert b"hunter2" not in b"".join(packed.read(name) for name in packed.namelist())
    assert run("support", "-i", "hosts.yml", "-o", "no/such/out.zip").code == 2
