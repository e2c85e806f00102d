"""A second invoicing client, with JSON, XML and books of its own, is managed by a profile alone: no line of Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from scenario_bench import Bench
from scenario_cases import Run
from second_client.moka_shop import PROFILE, TAXPAYER, MokaShop, build_packages, open_moka

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def shop(bench: Bench, run: Run) -> MokaShop:
    """A PC with version 1.0 and 40 bills."""
    return open_moka(bench, run)


WANTED = {
    "software": {"version": "2.0"},
    "parameters": {
        "kinds": ["普票", "电子普票"],
        "limit": "万元版",
        "name": "青禾商贸（北京）有限公司",
        "upload_address": "https://skfp.example.cn:7008/第二代",
        "timeout": 30,
        "backup_folder": "/srv/备份 2",
        "backup_cycle": 3,
        "operator": "李四",
    },
}


def test_guiwei_knows_nothing_of_it() -> None:
    words = ["grep", "-rilE", "moka|墨卡", "src", "modules", "products"]
    told = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert told.stdout == ""
    assert not any(path.suffix == ".py" for path in (REPOSITORY / "products").iterdir())


def test_its_profile_is_sound_and_fits_the_pc(shop: MokaShop, bench: Bench, run: Run) -> None:
    assert run("product", "check", str(PROFILE)).code == 0
    assert shop.ask("start").returncode == 0
    before = bench.snapshot()
    document = shop.json("product", "test", "moka")
    findings = document["hosts"]["pc1"][shop.id]
    assert [each for each in findings if not each["fits"]] == []
    assert len(findings) > 30
    assert bench.snapshot() == before


def test_it_is_upgraded_and_its_parameters_converge(shop: MokaShop) -> None:
    assert shop.ask("start").returncode == 0
    shop.spoil(limit="1", types="51")
    before = shop.ledger()
    shop.play(WANTED, verify={"level": "issue"})
    document = shop.json("apply", "play.yml", "--yes")
    assert document["hosts"][0]["status"] == "changed"
    told = shop.status()
    assert (told["program"], told["books"], told["running"], told["ready"]) == ("2.0", 2, True, True)
    assert shop.settings["upload"] == {"url": "https://skfp.example.cn:7008/第二代", "seconds": 30}
    assert shop.settings["backup"] == {"folder": "/srv/备份 2", "days": 3}
    assert shop.settings["window"] == {"width": 1024, "recent": ["a", "b"]}
    assert 'types="2;51" limit="9999999"' in shop.company
    assert 'name="青禾商贸（北京）有限公司"' in shop.company
    # One bill was issued as a test and cancelled: a number used, no money.
    instance = document["hosts"][0]["instances"][0]
    assert instance["reconciled"] is True
    [invoice] = instance["invoices"]
    assert (invoice["kind"], invoice["amount"], invoice["tax"], invoice["status"]) == ("007", "1", "0.06", "void")
    after = shop.ledger()
    month = ("007", invoice["month"])
    count, money, tax = before.get(month, (0, 0, 0))
    assert after.pop(month) == (count + 1, money, tax)
    before.pop(month, None)
    assert after == before
    assert shop.json("plan", "play.yml")["hosts"][0]["status"] == "unchanged"
    assert shop.json("verify", "play.yml")["hosts"][0]["status"] == "unchanged"


def test_every_other_byte_of_its_files_stays(shop: MokaShop) -> None:
    company, settings = (shop.home / "company.xml").read_bytes(), (shop.home / "settings.json").read_bytes()
    shop.play({"parameters": {"name": "新名称", "timeout": 45}, "software": {"running": False}})
    shop.json("apply", "play.yml", "--yes")
    assert (shop.home / "company.xml").read_bytes() == company.replace(
        "青禾商贸有限公司".encode("gbk"), "新名称".encode("gbk")
    )
    assert (shop.home / "settings.json").read_bytes() == settings.replace(b'"seconds": 20', b'"seconds": 45')


def test_a_playbook_that_its_device_contradicts_is_refused(shop: MokaShop, bench: Bench) -> None:
    before = bench.snapshot()
    shop.play({"parameters": {"limit": "十万元版"}})
    document = shop.json("apply", "play.yml", "--yes", code=4)
    [mismatch] = shop.json("plan", "play.yml", code=4)["hosts"][0]["instances"][0]["mismatches"]
    assert (mismatch["kind"], mismatch["wanted"], mismatch["found"]) == ("device", "999999.99", "99999.99")
    assert document["hosts"][0]["status"] == "refused"
    assert bench.snapshot() == before


def test_without_its_key_it_waits(shop: MokaShop) -> None:
    shop.unplug()
    shop.play(WANTED)
    assert shop.json("plan", "play.yml")["hosts"][0]["status"] == "pending"


def test_an_upgrade_is_rolled_back(shop: MokaShop) -> None:
    assert shop.ask("start").returncode == 0
    before, company = shop.ledger(), shop.company
    shop.play(WANTED)
    document = shop.json("apply", "play.yml", "--yes")
    assert shop.status()["books"] == 2
    shop.json("rollback", document["run"])
    assert shop.status()["program"] == "1.0"
    assert shop.status()["books"] == 1
    assert (shop.ledger(), shop.company) == (before, company)


#: A 2.0 whose migration forgets one bill.
FORGETFUL = ("cancelled, sent FROM bills", "cancelled, sent FROM bills LIMIT 39")


def test_a_migration_that_loses_a_bill_is_stopped_on_the_copy(shop: MokaShop) -> None:
    assert shop.ask("start").returncode == 0
    build_packages(shop.bench.folder / "packages", FORGETFUL)
    before, books = shop.ledger(), shop.books.read_bytes()
    shop.play(WANTED)
    document = shop.json("apply", "play.yml", "--yes", code=5)
    assert document["hosts"][0]["error"]["code"] == "rehearsal-ledger"
    assert (shop.ledger(), shop.books.read_bytes()) == (before, books)
    told = shop.status()
    assert (told["program"], told["running"]) == ("1.0", True)


def test_without_a_rehearsal_it_is_found_though_nobody_asked_for_a_verification(shop: MokaShop) -> None:
    profile = PROFILE.read_text("utf-8")
    start, end = profile.index("# An upgrade is tried on a copy"), profile.index("# How its failures show")
    shop.bench.write({"products/moka.yml": profile[:start] + profile[end:]})
    assert shop.ask("start").returncode == 0
    before = shop.ledger()
    build_packages(shop.bench.folder / "packages", FORGETFUL)
    shop.play({"software": {"version": "2.0"}})
    document = shop.json("apply", "play.yml", "--yes", code=5)
    [instance] = document["hosts"][0]["instances"]
    assert (instance["status"], instance["reconciled"], instance["checks"]) == ("failed", False, [])
    # Nothing but a loss: taking it back brings the bill back. Not so once somebody has gone on working with it.
    left = shop.books.read_bytes()
    assert shop.ask("sell", "--type", "51", "--net", "5.00", "--tax", "0.30").returncode == 0
    assert shop.json("rollback", document["run"], code=4)["hosts"][0]["error"]["code"] == "data-moved"
    shop.books.write_bytes(left)
    shop.json("rollback", document["run"])
    assert shop.ledger() == before
    build_packages(shop.bench.folder / "packages")
    [instance] = shop.json("apply", "play.yml", "--yes")["hosts"][0]["instances"]
    assert (instance["status"], instance["reconciled"]) == ("changed", True)


def test_a_backup_is_made_and_restored(shop: MokaShop) -> None:
    shop.play({"software": {"running": False}})
    shop.json("backup", "play.yml")
    [backup] = shop.json(
        "backups",
    )["backups"]
    books = shop.books.read_bytes()
    shop.books.write_bytes(b"damaged")
    shop.json("restore", backup["backup"], "play.yml", "--yes")
    assert shop.books.read_bytes() == books


def test_an_unfinished_upgrade_is_finished(shop: MokaShop) -> None:
    (shop.home / "app" / "VERSION").write_text("2.0\n")
    shop.play({"software": {"version": "2.0"}})
    plan = shop.json("plan", "play.yml", code=3)
    [stage] = plan["hosts"][0]["stages"]
    assert [step["name"] for step in stage["steps"]] == ["backup", "rehearse", "start"]
    shop.json("apply", "play.yml", "--yes")
    assert shop.status()["books"] == 2
    assert shop.json("plan", "play.yml")["hosts"][0]["status"] == "unchanged"


def test_the_taxpayer_in_its_file_follows_the_key_once_all_is_uploaded(shop: MokaShop, bench: Bench) -> None:
    wrong = shop.company.replace(TAXPAYER, TAXPAYER[:-1] + "A")
    (shop.home / "company.xml").write_bytes(wrong.encode("gbk"))
    shop.play({"software": {"running": True}})
    # Another taxpayer id would mark what is not uploaded as filed.
    before = bench.snapshot()
    document = shop.json("apply", "play.yml", "--yes", code=4)
    assert document["hosts"][0]["error"]["code"] == "invoices-unsent"
    assert bench.snapshot() == before
    shop.send_all()
    plan = shop.json("plan", "play.yml", code=3)
    names = [step["name"] for stage in plan["hosts"][0]["stages"] for step in stage["steps"]]
    assert names == ["backup", "taxpayer id", "start"]
    shop.json("apply", "play.yml", "--yes")
    assert TAXPAYER in shop.company
    assert shop.status()["ready"] is True
