"""The ready playbooks of recovery, as they are shipped, on a PC of the lab: each does what its first lines promise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, codes, errors_in, rows_of
from scenario_bench import Bench
from situations_clinic import Clinic

from lab.lantai import disks, faults
from lab.lantai.upload_server import UploadServer

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
PROOF = os.environ.get("GUIWEI_PROOF") == "1"
RECOVERING = ("crash-recovery", "reprovision", "data-damage", "network-repair", "disk-replacement", "driver-update")


class Desk:
    """A PC, and one ready playbook for it."""

    def __init__(self, clinic: Clinic, name: str) -> None:
        self.clinic = clinic
        self.playbook = str(PLAYBOOKS / f"{name}.yml")
        clinic.ready()

    def json(self, command: str, *words: str, code: int) -> Any:
        """Run a command with the playbook; the exit code must be `code`."""
        found, document = self.clinic.shop.json(command, self.playbook, *words)
        hosts = [(host["status"], host.get("error")) for host in document.get("hosts", ())]
        assert found == code, (command, found, hosts, codes(errors_in(document)))
        return document

    def whole(self) -> None:
        """Plan, apply, apply again, verify: after the first apply nothing is left to do."""
        self.json("check", code=0)
        self.json("plan", code=3)
        self.json("apply", "--yes", code=0)
        self.settled()

    def settled(self) -> None:
        """Whatever made the PC right, nothing is left to do and everything is proved."""
        document = self.json("apply", "--yes", code=0)
        assert [host["status"] for host in document["hosts"]] == ["unchanged"]
        self.json("verify", code=0)
        self.json("plan", code=0)
        assert self.clinic.works()


@pytest.fixture
def desk(bench: Bench, run: Run, bureau: UploadServer) -> Callable[[str], Desk]:
    return lambda name: Desk(Clinic(bench, run, bureau), name)


def test_crash_recovery(desk: Callable[[str], Desk]) -> None:
    one = desk("crash-recovery")
    clinic = one.clinic
    clinic.shop.do("stop")
    faults.does_not_start(clinic.root, clinic.instance)
    one.json("recover", "--dry-run", code=3)
    told = clinic.recover(playbook=one.playbook)
    assert told["cured"] == "repair"
    one.settled()


def test_data_damage_from_the_newest_whole_backup(desk: Callable[[str], Desk]) -> None:
    """The backup of the damaged database, which the recovery itself makes, is never put back."""
    one = desk("data-damage")
    clinic = one.clinic
    for _ in range(2):
        clinic.shop.do("stop")
        faults.database_damaged(clinic.root, clinic.instance)
        told = clinic.recover(playbook=one.playbook)
        assert told["cured"] == "restore"
        assert clinic.shop.rows() == clinic.ledger
    damaged = [receipt for receipt in clinic.shop.backups() if receipt["damaged"]]
    assert len(damaged) == 2
    assert told["backup"]["backup"] not in {receipt["backup"] for receipt in damaged}
    one.settled()


def test_data_damage_from_the_backup_that_is_named(desk: Callable[[str], Desk]) -> None:
    one = desk("data-damage")
    clinic = one.clinic
    first = str(clinic.shop.backups()[-1]["backup"])
    clinic.shop.issue()
    clinic.backup()
    clinic.shop.do("stop")
    faults.database_damaged(clinic.root, clinic.instance)
    told = clinic.recover("--backup", first, playbook=one.playbook)
    assert told["backup"]["backup"] == first
    assert clinic.shop.rows() == clinic.ledger
    assert clinic.recover("--backup", "20200101T000000Z-000000", playbook=one.playbook, code=2) == {}


def test_what_came_after_the_backup_is_told(desk: Callable[[str], Desk]) -> None:
    one = desk("data-damage")
    clinic = one.clinic
    clinic.shop.issue()
    clinic.shop.do("stop")
    faults.database_damaged(clinic.root, clinic.instance)
    done = clinic.shop.guiwei("recover", one.playbook, "--yes")
    assert done.code == 0
    assert "what was issued later is not in them" in done.out
    assert rows_of(Path(clinic.shop.one.folder, "Data", "lantai.db")) == clinic.ledger


def test_network_repair(desk: Callable[[str], Desk]) -> None:
    one = desk("network-repair")
    clinic = one.clinic
    faults.endpoint_unreachable(clinic.root, clinic.instance)
    one.whole()
    clinic.server.dropping = 3
    told = clinic.recover(playbook=one.playbook)
    assert (told["status"], told["rounds"]) == ("waiting", [])
    assert [finding["cause"] for finding in told["findings"]] == ["network-unsteady"]


def test_driver_update(desk: Callable[[str], Desk]) -> None:
    one = desk("driver-update")
    clinic = one.clinic
    clinic.shop.do("stop")
    faults.driver_outdated(clinic.root)
    one.whole()
    assert "2.1.0" in Path(clinic.root, "etc", "lantai", "driver.ini").read_text("utf-8")
    assert clinic.shop.rows() == clinic.ledger


def test_reprovision_of_a_pc_that_is_only_out_of_date(desk: Callable[[str], Desk]) -> None:
    one = desk("reprovision")
    faults.driver_outdated(one.clinic.root)
    faults.wrong_parameters(one.clinic.root, one.clinic.instance, limit="9999.99")
    # What the disk says of the limit is known once its driver is new.
    one.json("apply", "--yes", code=0)
    one.whole()


def test_disk_replacement(desk: Callable[[str], Desk]) -> None:
    one = desk("disk-replacement")
    clinic = one.clinic
    old = disks.unplug(clinic.root)
    new = dict(old, number="009912349999")
    # Until the new one is plugged in nothing is done; a disk of another company is refused by the number alone.
    clinic.shop.vars["instances"][0].update(disk="009912349999")
    document = one.json("apply", "--yes", code=0)
    assert [host["status"] for host in document["hosts"]] == ["pending"]
    disks.plug(clinic.root, new)
    one.whole()
    assert clinic.shop.do("status")["registered_disk"] == "009912349999"
    assert clinic.shop.rows() == clinic.ledger


@pytest.mark.parametrize("name", RECOVERING if PROOF else ["crash-recovery", "reprovision"])
def test_a_healthy_pc_is_left_as_it_is(desk: Callable[[str], Desk], name: str) -> None:
    """But for the settings that the playbook names beyond what this PC has."""
    one = desk(name)
    one.json("apply", "--yes", code=0)
    one.settled()
    told = one.clinic.recover(playbook=one.playbook)
    assert (told["status"], told["findings"], told["rounds"]) == ("unchanged", [], [])
