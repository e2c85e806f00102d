"""`guiwei capture`: what it writes plans to no change, a change on the PC shows, and no secret is ever in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lantai_support import Shop, open_shop, rows_of
from scenario_bench import INVENTORY, Bench
from scenario_cases import Run
from second_client.moka_shop import open_moka

from lab.lantai import faults

#: Whoever gives a password: nothing of it may ever be in a file that people pass on.
PASSWORD = "Tr0ub4dor&3-口令"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    """A PC with one taxpayer's Lantai, up to date and running."""
    return open_shop(bench, run, "3.1.0", running=True)


def capture(shop: Any, *words: str, code: int = 0) -> str:
    """Capture into `captured.yml`, anew, and return its text."""
    path = Path("captured.yml")
    path.unlink(missing_ok=True)
    done = shop.guiwei("capture", *words, "-o", str(path))
    assert done.code == code, (done.out, done.err)
    return path.read_text("utf-8")


def plan(shop: Any, code: int) -> None:
    """Plan the captured playbook; it must end with this exit code."""
    done = shop.guiwei("plan", "captured.yml")
    assert done.code == code, (done.out, done.err)


def test_a_captured_pc_plans_to_no_change(shop: Shop, bench: Bench) -> None:
    before = shop.snapshot()
    text = capture(shop, "--product", "lantai")
    assert shop.snapshot() == before
    plan(shop, 0)
    state = yaml.safe_load(text)[0]["state"]
    assert state["software"] == {"version": "3.1.0", "running": True}
    assert state["disk"] == {"registered": True}
    assert state["parameters"]["name"] == "青禾商贸有限公司"
    assert {"kinds", "limit", "upload_address", "timeout"} <= set(state["parameters"])
    # The inventory decides identity, and the lock date moves by itself: both are comments.
    assert not {"taxpayer", "machine", "orgcode"} & set(state["parameters"])
    assert "# " + shop.one.instance + " disk.lock_date" in text
    assert state["drivers"] == {"disk": "2.1.0"}
    assert "single-invoice limit / 单张开票限额 (the device decides / 以设备为准)" in text
    assert shop.guiwei("check", "captured.yml").code == 0


def test_a_job_of_upkeep_is_captured_as_the_time_that_it_runs(shop: Shop) -> None:
    text = capture(shop, "--product", "lantai")
    assert "maintenance.backup the client's own backup 客户端自动备份: not there" in text
    shop.play({"maintenance": {"backup": "weekly Mon 03:00"}})
    shop.apply()
    text = capture(shop, "--product", "lantai")
    assert yaml.safe_load(text)[0]["state"]["maintenance"] == {"backup": "weekly Mon 03:00"}
    plan(shop, 0)
    table = next(path for path in (shop.bench.root / "etc").rglob("*lantai-backup*"))
    table.write_text(table.read_text().replace("0 3 * * 1", "0 4 * * 1"))
    plan(shop, 3)
    table.write_text(table.read_text().replace("backup\n", "status\n"))
    assert "not as the profile makes it" in capture(shop, "--product", "lantai")
    plan(shop, 0)


def test_nothing_that_the_inventory_keeps_secret_is_in_it(shop: Shop) -> None:
    shop.play({"parameters": {"backup_folder": f"/srv/{shop.one.pin}", "name": shop.one.password}})
    shop.apply()
    text = capture(shop, "--product", "lantai", "--ini", f"/var/lib/兰台开票/{shop.one.instance}/Config/兰台.ini")
    assert shop.one.password not in text
    assert "name" not in yaml.safe_load(text)[0]["state"]["parameters"]
    plan(shop, 0)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(codec="gbk", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=30),
    timeout=st.integers(1, 600),
    address=st.sampled_from(["http://b.example.cn:7008/路径?x={{1}}", "https://c.example.cn/{%"]),
    changed=st.sampled_from(["名称", "超时"]),
)
def test_whatever_the_parameters_are(shop: Shop, name: str, timeout: int, address: str, changed: str) -> None:
    write_settings(shop, 名称=name, 超时=str(timeout))
    place = Path(shop.one.folder, "Config", "安全接入地址.txt")
    place.write_bytes((address + "\r\n").encode("gbk"))
    capture(shop, "--product", "lantai")
    plan(shop, 0)
    write_settings(shop, **{changed: "999" if changed == "超时" else name + "x"})
    plan(shop, 3)


def write_settings(shop: Shop, **values: str) -> None:
    """Change options of the client's settings by nothing but their lines."""
    path = Path(shop.one.folder, "Config", "兰台.ini")
    lines = path.read_bytes().decode("gbk").splitlines(keepends=True)
    for option, value in values.items():
        [place] = [number for number, line in enumerate(lines) if line.partition("=")[0].strip() == option]
        lines[place] = f"{option}={value}\r\n"
    path.write_bytes("".join(lines).encode("gbk"))


def test_a_copy_that_the_device_contradicts_is_told_and_left_out(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, kinds="007")
    text = capture(shop, "--product", "lantai")
    assert "kinds" not in yaml.safe_load(text)[0]["state"]["parameters"]
    assert "the client says 007, the device 004,007,026,028" in text
    plan(shop, 0)


def test_a_client_whose_identity_is_wrong_cannot_be_captured_as_good(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, orgcode="990199")
    text = capture(shop, "--product", "lantai", code=3)
    assert "990199" in text
    plan(shop, 3)


def test_two_taxpayers_that_differ_share_one_play(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.1.0", taxpayers=2)
    write_settings(shop, 超时="77")
    text = capture(shop, "--product", "lantai")
    [play] = yaml.safe_load(text)
    timeouts = {instance: values["parameters.timeout"] for instance, values in play["vars"]["captured"].items()}
    assert timeouts == {shop.all[0].instance: "77", shop.all[1].instance: "10"}
    # The second one's disk is in a drawer: what only it could say is said of nobody.
    assert "limit" not in play["state"]["parameters"]
    plan(shop, 0)
    write_settings(shop, 超时="78")
    plan(shop, 3)


def test_the_second_client_is_captured_by_its_profile_alone(bench: Bench, run: Run) -> None:
    shop = open_moka(bench, run)
    text = capture(shop, "--product", "moka")
    state = yaml.safe_load(text)[0]["state"]
    assert state["parameters"]["kinds"] == "007,026"
    assert state["parameters"]["limit"] == "99999.99"
    assert state["software"] == {"version": "1.0", "running": False}
    plan(shop, 0)
    shop.spoil(name="别的公司")
    plan(shop, 3)


def test_its_books_are_the_same_afterwards(shop: Shop) -> None:
    database = Path(shop.one.folder, "Data", "lantai.db")
    before = rows_of(database)
    capture(shop, "--product", "lantai")
    assert rows_of(database) == before


# Files, with a product or without one


@pytest.fixture
def plain(bench: Bench, run: Run) -> Any:
    """A PC without a client."""

    class Plain:
        @staticmethod
        def guiwei(*words: str) -> Any:
            return run(*words, "-i", "inventory.yml")

    bench.write({"inventory.yml": INVENTORY})
    return Plain()


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "gbk", "utf-16", "utf-8-sig"]), st.booleans())
def test_any_text_file(plain: Any, bench: Bench, lines: list[str], newline: str, encoding: str, ends: bool) -> None:
    text = newline.join(lines) + (newline if ends else "")
    place = bench.root / "etc" / "任意 文件.txt"
    place.write_bytes(text.encode(encoding, "replace"))
    capture(plain, "--file", "/etc/任意 文件.txt")
    plan(plain, 0)
    place.write_bytes(place.read_bytes() + b"x\n")
    plan(plain, 3)


NAMES = st.text(st.characters(codec="gbk", exclude_characters="[]=;#{}\r\n\0"), min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="gbk", exclude_characters="\r\n\0"), max_size=10)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=3))
def test_any_ini_file(plain: Any, bench: Bench, sections: dict[str, dict[str, str]]) -> None:
    lines = [f"[{name}]\r\n" + "".join(f"{option}={value}\r\n" for option, value in options.items())
             for name, options in sections.items()]  # fmt: skip
    place = bench.root / "etc" / "client.ini"
    place.write_bytes("".join(lines).encode("gbk"))
    capture(plain, "--ini", "/etc/client.ini")
    plan(plain, 0)


def test_a_file_that_seems_to_hold_a_secret_is_kept_by_its_hash(plain: Any, bench: Bench) -> None:
    (bench.root / "etc" / "a.conf").write_text(f"user = x\npassword = {PASSWORD}\n")
    (bench.root / "etc" / "b.ini").write_text(f"[登录]\n口令={PASSWORD}\nuser=x\n")
    (bench.root / "etc" / "c.bin").write_bytes(bytes(range(256)))
    text = capture(plain, "--file", "/etc/a.conf", "--ini", "/etc/b.ini", "--file", "/etc/c.bin", "--file", "/etc/none")
    assert PASSWORD not in text
    tasks = yaml.safe_load(text)[0]["tasks"]
    assert [next(iter(task)) for task in tasks] == ["file", "file", "file", "ini"]
    assert [sorted(set(task["file"]) & {"sha256", "content", "state"}) for task in tasks[:3]] == [
        ["sha256"], ["sha256"], ["state"]]  # fmt: skip
    assert tasks[3]["ini"]["option"] == "user"
    plan(plain, 0)
    (bench.root / "etc" / "a.conf").write_text("password = other\n")
    plan(plain, 3)


def test_templates_in_a_file_are_no_templates(plain: Any, bench: Bench) -> None:
    (bench.root / "etc" / "t").write_text("{{ facts.hostname }}\n{% raw %}\n  x: 1\n\n")
    assert "!unsafe |+" in capture(plain, "--file", "/etc/t")
    plan(plain, 0)


def test_what_is_asked_wrongly(plain: Any, bench: Bench, run: Run) -> None:
    assert plain.guiwei("capture").code == 2
    Path("there.yml").write_text("mine\n")
    assert plain.guiwei("capture", "--file", "/etc/motd", "-o", "there.yml").code == 2
    assert Path("there.yml").read_text() == "mine\n"
    assert plain.guiwei("capture", "--file", "/etc/motd", "-o", "no/where.yml").code == 2
    assert plain.guiwei("capture", "--product", "nothing").code == 2
    shutil.rmtree(bench.root)
    bench.root.write_text("")
    document = plain.guiwei("capture", "--file", "/etc/motd", "--json")
    assert json.loads(document.out)["playbook"].count("#") >= 2
