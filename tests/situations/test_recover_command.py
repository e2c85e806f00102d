"""`guiwei recover`: what it shows, what it asks, what stops it, and the way back from it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from lantai_support import Run, codes, errors_in, packages, snapshot
from scenario_bench import Bench
from situations_clinic import Clinic

from lab.lantai import disks, faults
from lab.lantai.upload_server import UploadServer

PROFILE = Path(__file__).resolve().parents[2] / "products" / "lantai.yml"


@pytest.fixture
def clinic(bench: Bench, run: Run, bureau: UploadServer) -> Clinic:
    return Clinic(bench, run, bureau)


def damage(clinic: Clinic) -> None:
    """Stop the client and overwrite half of its database."""
    clinic.shop.do("stop")
    faults.database_damaged(clinic.root, clinic.instance)


def test_a_dry_run_shows_every_rung_and_touches_nothing(clinic: Clinic) -> None:
    damage(clinic)
    before, state = snapshot(Path(clinic.root)), snapshot(clinic.shop.bench.state, "lock")
    done = clinic.shop.guiwei("recover", "play.yml", "--dry-run")
    assert done.code == 3
    assert snapshot(Path(clinic.root)) == before
    assert snapshot(clinic.shop.bench.state, "lock").items() >= state.items()
    assert len(clinic.shop.backups()) == 1
    rungs = ["restart", "settings", "repair-install", "reset mode", "reinstall", "restore from backup"]
    shown = [line.strip() for line in done.out.splitlines()]
    places = [next(n for n, line in enumerate(shown) if line.lstrip("→ ").startswith(rung)) for rung in rungs]
    assert places == sorted(places)
    (chosen,) = [line for line in shown if line.startswith("→")]
    assert "restore from backup" in chosen
    assert "The invoice database is damaged." in done.out


def test_it_says_in_plain_chinese_what_was_wrong_and_what_cured_it(clinic: Clinic, run: Run) -> None:
    damage(clinic)
    clinic.shop.guiwei("recover", "play.yml", "--dry-run")
    done = run("recover", "play.yml", "--yes", "-i", "hosts.yml", lang="zh")
    assert done.code == 0
    assert "开票数据库损坏" in done.out
    assert re.search(r"从备份恢复.*\d+\.\d", done.out)
    # The client's own words, paths and ids apart, no English is left.
    assert not re.findall(r"\b(?:the|is|was|of)\b", done.out)


def test_without_an_answer_nothing_is_done(clinic: Clinic) -> None:
    damage(clinic)
    before = snapshot(Path(clinic.root))
    code, document = clinic.shop.json("recover", "play.yml")
    assert code == 4
    assert codes(errors_in(document)) == ["approval-needed"]
    assert snapshot(Path(clinic.root)) == before


def test_a_recovery_can_be_rolled_back_byte_for_byte(clinic: Clinic) -> None:
    clinic.shop.do("stop")
    faults.wrong_parameters(clinic.root, clinic.instance, limit="9999.99", machine="7")
    faults.program_lost(clinic.root, clinic.instance)
    before = snapshot(Path(clinic.root))
    code, document = clinic.shop.json("recover", "play.yml", "--yes")
    assert code == 0
    clinic.shop.do("stop")
    code, _ = clinic.shop.json("rollback", document["run"])
    assert code == 0
    clinic.shop.ask("stop", "--force")
    after = snapshot(Path(clinic.root))
    changed = {name for name in {**before, **after} if before.get(name) != after.get(name)}
    # The client writes into its own database when it starts and stops: no file that guiwei wrote is among these.
    assert not [name for name in changed if "Program" in name or name.endswith((".ini", ".txt"))]


def test_a_clerk_at_work_is_not_interrupted(clinic: Clinic) -> None:
    faults.wrong_parameters(clinic.root, clinic.instance, limit="9999.99")
    clinic.shop.do("draft", "open")
    before = snapshot(Path(clinic.root))
    told = clinic.recover(code=4)
    assert told["status"] != "changed"
    assert snapshot(Path(clinic.root)) == before
    assert clinic.shop.do("status")["answering"]


def test_what_the_device_contradicts_is_refused(clinic: Clinic) -> None:
    damage(clinic)
    clinic.play(parameters={"kinds": ["004"], "limit": "万元版"})
    before = snapshot(Path(clinic.root))
    told = clinic.recover(code=4)
    assert told["error"]["code"] == "identity-mismatch"
    assert snapshot(Path(clinic.root)) == before


def test_a_pc_whose_disk_another_one_claims_is_refused(clinic: Clinic) -> None:
    damage(clinic)
    clinic.shop.hosts["pc2"] = {**clinic.shop.vars, "guiwei_root": "/nonexistent"}
    before = snapshot(Path(clinic.root))
    code, document = clinic.shop.json("recover", "play.yml", "--yes", "-l", "pc1")
    assert code == 4
    assert "identity-disk-declared" in codes(errors_in(document))
    assert snapshot(Path(clinic.root)) == before


def test_a_product_without_a_rung_says_so_and_takes_the_next(clinic: Clinic) -> None:
    text = PROFILE.read_text("utf-8")
    reset = re.search(r"  reset_mode:\n(?:    .*\n| {11}.*\n)+", text)
    assert reset
    clinic.shop.product((reset.group(), ""))
    faults.wrong_parameters(clinic.root, clinic.instance, offline_hours="1")
    done = clinic.shop.guiwei("recover", "play.yml", "--dry-run")
    (line,) = [line for line in done.out.splitlines() if "reset mode" in line]
    assert "profile" in line
    told = clinic.recover(code=5)
    assert told["missing"] == ["reset"]
    assert "reset" not in [each["rung"] for each in told["rounds"]]


def test_it_climbs_a_rung_where_the_lowest_does_not_help(clinic: Clinic) -> None:
    """No check sees a stray file: the client is just down, a restart does not help, a repair-install does."""
    faults.process_killed(clinic.root, clinic.instance)
    stray = faults.stray_file(clinic.root, clinic.instance)
    told = clinic.recover()
    assert [each["causes"] for each in told["rounds"]] == [
        {"process-crashed": "restart"},
        {"process-crashed": "repair"},
    ]
    assert [each["well"] for each in told["rounds"]] == [False, True]
    assert told["cured"] == "repair"
    assert not Path(stray).exists()
    assert clinic.works()
    assert clinic.shop.rows() == clinic.ledger


def test_a_client_that_nothing_helps_is_left_as_good_as_it_was(clinic: Clinic) -> None:
    """Every rung that can help a crash is tried once and in order, and then it is said."""
    faults.process_killed(clinic.root, clinic.instance)
    run_folder = Path(clinic.root, "run", "lantai")
    for each in run_folder.iterdir():
        each.unlink()
    run_folder.rmdir()
    run_folder.write_text("no folder")
    told = clinic.recover(code=5)
    assert told["status"] == "failed"
    rungs = [each["rung"] for each in told["rounds"]]
    assert rungs == ["restart", "repair", "reset", "reinstall"]
    assert told["error"] is not None
    assert clinic.shop.rows() == clinic.ledger
    assert clinic.tries == clinic.full_tries


def test_a_missing_package_is_named_and_the_other_cause_is_cured(clinic: Clinic) -> None:
    clinic.shop.vars["guiwei_artifacts"] = str(clinic.shop.bench.work)
    clinic.shop.do("stop")
    faults.does_not_start(clinic.root, clinic.instance)
    faults.wrong_parameters(clinic.root, clinic.instance, limit="9999.99")
    told = clinic.recover(code=5)
    assert told["error"]["code"] == "artifact-missing"
    assert [finding["cause"] for finding in told["left"] if finding["because"] is None] == ["program-damaged"]


def test_a_cure_that_fails_drives_no_other_cause_up_the_ladder(clinic: Clinic) -> None:
    """A climb for several causes that breaks off is taken apart: each is tried alone, and once a rung."""
    kept = clinic.shop.bench.work / "packages"
    shutil.copytree(packages(), kept)
    (kept / "lantai-3.1.0.tar.gz").write_bytes(b"no archive")
    clinic.shop.vars["guiwei_artifacts"] = str(kept)
    clinic.shop.do("stop")
    faults.does_not_start(clinic.root, clinic.instance)
    faults.driver_outdated(clinic.root)
    told = clinic.recover(code=5)
    assert [each["causes"] for each in told["rounds"]] == [
        {"driver-outdated": "repair", "program-damaged": "repair"},
        {"driver-outdated": "repair"},
        {"program-damaged": "repair"},
    ]
    assert told["error"]["code"] == "package-archive"
    assert "2.1.0" in Path(clinic.root, "etc", "lantai", "driver.ini").read_text("utf-8")
    # A program that cannot be put anew is better than none.
    assert Path(clinic.shop.one.folder, "Program", "bin", "lantai").exists()
    assert clinic.shop.rows() == clinic.ledger


def test_a_client_whose_disk_lies_in_a_drawer_is_left_alone(bench: Bench, run: Run, bureau: UploadServer) -> None:
    clinic = Clinic(bench, run, bureau, taxpayers=2)
    other = clinic.shop.all[1]
    faults.process_killed(clinic.root, clinic.instance)
    folder = Path(other.folder)
    before = snapshot(folder)
    code, document = clinic.shop.json("recover", "play.yml", "--yes")
    assert code == 0
    (host,) = document["hosts"]
    assert {each["id"]: each["status"] for each in host["instances"]} == {
        clinic.instance: "changed",
        other.instance: "pending",
    }
    assert snapshot(folder) == before


def test_with_the_other_disk_the_other_client_is_recovered(bench: Bench, run: Run, bureau: UploadServer) -> None:
    clinic = Clinic(bench, run, bureau, taxpayers=2)
    clinic.shop.do("stop")
    disks.unplug(clinic.root)
    disks.plug(clinic.root, clinic.shop.all[1].disk)
    faults.database_damaged(clinic.root, clinic.shop.all[1].instance)
    code, document = clinic.shop.json("recover", "play.yml", "--yes")
    assert code == 0
    (host,) = document["hosts"]
    assert [each["status"] for each in host["instances"]] == ["pending", "changed"]


def test_a_dry_run_of_what_only_a_person_can_do_says_that_something_is_wrong(clinic: Clinic) -> None:
    clinic.shop.do("stop")
    disks.unplug(clinic.root)
    done = clinic.shop.guiwei("recover", "play.yml", "--dry-run")
    assert done.code == 3
    assert "The tax disk is not plugged in." in done.out
    code, document = clinic.shop.json("recover", "play.yml", "--dry-run")
    assert code == 3
    assert document["hosts"][0]["instances"][0]["person"]
