"""An upgrade is done on a copy first: what goes wrong there has touched nothing, and the clerk works on."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, Shop, codes, errors_in, open_shop, packages, statuses, steps_of
from scenario_bench import Bench

from lab.lantai import build

#: What is put behind the migration of a version's first start, in its own library, to spoil it.
HOOK = "record.note_start(folder)"
FIRST = "(SELECT min(number) FROM invoice WHERE status = 'valid')"
SPOILED = {
    "lost": f"DELETE FROM invoice WHERE number = {FIRST}",
    "buyer": f"UPDATE invoice SET buyer = '别人' WHERE number = {FIRST}",
    "counter": "UPDATE counter SET next_number = next_number - 1",
}


def spoil(shop: Shop, version: str, change: str, file: str = "startup.py") -> None:
    """Let a version's package be one whose first start also does something that it should not."""
    folder = shop.bench.folder / "artifacts"
    if not folder.exists():
        folder.mkdir()
        for name in build.VERSIONS:
            os.symlink(build.package_path(str(packages()), name), build.package_path(str(folder), name))
    shop.vars["guiwei_artifacts"] = str(folder)
    target = Path(build.package_path(str(folder), version))
    packed = io.BytesIO()
    with tarfile.open(target) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for member in old:
            data = old.extractfile(member).read() if member.isfile() else b""  # type: ignore[union-attr]
            if member.name.endswith("/" + file):
                text = data.decode("utf-8")
                assert HOOK in text or file != "startup.py"
                call = f"connection.execute({change!r})"
                spoiled = f"with database.working(folder.database) as connection:\n        {call}\n    {HOOK}"
                data = (text.replace(HOOK, spoiled) if file == "startup.py" else change).encode("utf-8")
            member.size = len(data)
            new.addfile(member, io.BytesIO(data) if member.isfile() else None)
    target.unlink()
    target.write_bytes(packed.getvalue())


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, running=True)
    made.play()
    return made


def nothing_left(shop: Shop) -> None:
    """No copy, no client of one, nothing that was fetched."""
    assert not (shop.bench.state / "rehearsals").exists()
    assert [path.name for path in (shop.bench.state / "fetched").glob("*")] == []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            assert str(shop.bench.state / "rehearsals").encode() not in (folder / "cmdline").read_bytes()
        except OSError:
            continue


def refused(shop: Shop, code: str, *, kept: bool = False) -> dict[str, Any]:
    """The upgrade ends with an error of the rehearsal; data, settings, program and disk are as they were."""
    before, rows = shop.snapshot(), shop.rows()
    document = shop.apply(code=5)
    assert statuses(document)["pc1"] == "failed"
    assert codes(document)[0] == code
    assert [step["name"] for step in steps_of(document)][-1] == "rehearse"
    assert shop.snapshot() == before
    assert shop.rows() == rows
    assert shop.versions == ("2.4.0", "2.4.0")
    assert not (shop.bench.state / "rehearsals").exists()
    return errors_in(document)[0]


def test_the_way_is_gone_on_a_copy_first(shop: Shop) -> None:
    names = [[step["name"] for step in stage["steps"]] for stage in shop.plan()["hosts"][0]["stages"]]
    assert names[0][:4] == ["stop", "backup", "rehearse", "lantai-3.0.0.tar.gz"]
    assert "rehearse" not in names[1]
    document = shop.apply()
    (step,) = [step for step in steps_of(document) if step["name"] == "rehearse"]
    assert step["status"] == "changed"
    assert step["receipt"]["edges"] == [["2.4.0", "3.0.0"], ["3.0.0", "3.1.0"]]
    assert step["receipt"]["rows"] == len(shop.rows())
    assert step["receipt"]["bytes"] > 50_000
    assert shop.versions == ("3.1.0", "3.1.0")
    nothing_left(shop)


@pytest.mark.parametrize("change", SPOILED)
def test_a_migration_that_spoils_one_invoice_never_meets_the_data(shop: Shop, change: str) -> None:
    spoil(shop, "3.0.0", SPOILED[change])
    pid = shop.do("status")["pid"]
    error = refused(shop, "rehearsal-ledger")
    assert (error["args"]["source"], error["args"]["target"]) == ("2.4.0", "3.0.0")
    assert error["args"]["before"] != error["args"]["after"]
    status = shop.do("status")
    assert (status["answering"], status["version"]) == (True, "2.4.0"), "the clerk works on"
    assert status["pid"] != pid
    if change == "lost":
        told = shop.guiwei("apply", "play.yml", "--yes", "--lang", "zh")
        assert "在数据副本上升级 2.4.0 → 3.0.0 后" in told.out


def test_a_second_edge_that_cannot_be_gone_is_known_before_the_first_is(shop: Shop) -> None:
    spoil(shop, "3.1.0", SPOILED["lost"])
    error = refused(shop, "rehearsal-ledger")
    assert (error["args"]["source"], error["args"]["target"]) == ("3.0.0", "3.1.0")
    assert shop.do("status")["answering"] is True


def test_a_version_that_does_not_start_is_not_put_in_place(shop: Shop) -> None:
    spoil(shop, "3.0.0", "raise SystemExit('broken')\n", "server.py")
    error = refused(shop, "rehearsal-failed")
    assert error["args"]["cause"]["code"] == "service-not-started"
    assert "did not" in error["message"] or "start" in error["message"]
    assert shop.do("status")["answering"] is True
    assert shop.do("status")["version"] == "2.4.0"


def test_a_client_that_was_stopped_stays_stopped(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run)
    shop.play()
    spoil(shop, "3.0.0", SPOILED["lost"])
    refused(shop, "rehearsal-ledger")
    assert shop.do("status")["running"] is False


def test_what_was_fetched_for_the_rehearsal_is_not_fetched_again(shop: Shop) -> None:
    """The next try has the package on the PC, and a rollback takes that away."""
    spoil(shop, "3.1.0", SPOILED["lost"])
    document = shop.apply(code=5)
    assert len(list((shop.bench.state / "fetched").glob("*"))) == 2
    assert shop.guiwei("rollback", document["run"]).code == 0
    nothing_left(shop)


def test_a_link_out_of_the_copy_is_not_followed(shop: Shop) -> None:
    outside = shop.bench.root / "srv" / "invoices"
    outside.mkdir(parents=True)
    os.symlink(outside, Path(shop.one.folder, "Data", "more"))
    error = refused(shop, "rehearsal-link")
    assert error["args"]["target"] == str(outside)


def test_a_wrong_setting_is_put_right_on_the_copy_too(bench: Bench, run: Run) -> None:
    """With somebody else's taxpayer id the client would not start on the copy either."""
    from lab.lantai import faults

    shop = open_shop(bench, run)
    shop.play()
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer="91110108MA01A2B3C4", limit="9999.99")
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.settings("税号") == shop.one.disk["taxpayer"]


def test_no_pin_and_no_password_is_given_for_a_rehearsal(bench: Bench, run: Run) -> None:
    from lab.lantai import faults

    shop = open_shop(bench, run)
    shop.play()
    faults.disk_unregistered(shop.root, shop.one.instance)
    (rehearsal,) = [step for step in steps_of(shop.plan()) if step["name"] == "rehearse"]
    for edge in rehearsal["state"]["script"]["edges"]:
        assert {step["module"] for step in edge["steps"]} <= {"package", "ini", "line", "service"}
    spoil(shop, "3.0.0", SPOILED["lost"])
    refused(shop, "rehearsal-ledger")


def test_a_product_that_says_nothing_of_copies_has_no_rehearsal(shop: Shop) -> None:
    shop.product(("\nrehearsal:\n", "\nx_rehearsal:\n"))
    text = (shop.bench.work / "products" / "lantai.yml").read_text("utf-8")
    before, _, rest = text.partition("\nx_rehearsal:\n")
    _, _, after = rest.partition("\nfiling:")
    shop.bench.write({"products/lantai.yml": f"{before}\nfiling:{after}"})
    assert "rehearse" not in [step["name"] for step in steps_of(shop.plan())]
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")


def test_a_saved_plan_rehearses_as_it_said(shop: Shop) -> None:
    assert shop.json("plan", "play.yml", "-o", "saved.plan")[0] == 3
    done = shop._run("apply", "saved.plan", "--yes")
    assert done.code == 0, done.err
    assert shop.versions == ("3.1.0", "3.1.0")
