"""An empty PC becomes a working one with all its invoices from the last backup, by one command."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lantai_support import Run, codes, errors_in, snapshot
from scenario_bench import Bench
from situations_clinic import Clinic

from guiwei.cli._backup_file import read_backup
from lab.lantai import disks, faults
from lab.lantai.upload_server import UploadServer

READY = Path(__file__).resolve().parents[2] / "playbooks" / "reprovision.yml"


def fetched(clinic: Clinic, name: str = "kept.tar.gz") -> Path:
    """Let guiwei bring the PC's newest backup to the controller."""
    code, document = clinic.shop.json("backups", "--fetch", str(clinic.shop.backups()[-1]["backup"]), "-o", name)
    assert code == 0, document
    return Path(document["file"])


def new_pc(clinic: Clinic) -> None:
    """Put another PC in the place of the old one: nothing on it, the disk plugged in, another machine-id."""
    clinic.shop.do("stop")
    faults.pc_emptied(clinic.root)
    shutil.rmtree(clinic.shop.bench.state)
    Path(clinic.root, "etc", "machine-id").write_text("0" * 31 + "7\n")


def ready(clinic: Clinic) -> str:
    """Let the ready playbook find this PC in its group, and return its path."""
    clinic.ready()
    return str(READY)


def test_a_new_pc_works_again_with_all_its_invoices(bench: Bench, run: Run, bureau: UploadServer) -> None:
    clinic = Clinic(bench, run, bureau)
    playbook = ready(clinic)
    file = fetched(clinic)
    assert file.stat().st_mode & 0o777 == 0o600
    new_pc(clinic)
    told = clinic.recover("--backup", str(file), playbook=playbook)
    assert told["status"] == "changed"
    assert {finding["cause"] for finding in told["findings"] if finding["because"] is None} == {
        "driver-outdated",
        "pc-empty",
    }
    assert clinic.works()
    assert clinic.shop.rows() == clinic.ledger
    assert clinic.result["reconciled"] is True
    assert clinic.shop.versions == ("3.1.0", "3.1.0")
    code, document = clinic.shop.json("plan", playbook)
    assert code == 0, document
    # The backup is the new PC's own from now on.
    assert read_backup(file)["backup"] in {receipt["backup"] for receipt in clinic.shop.backups()}


def test_an_old_backup_is_brought_up_to_the_version_that_is_wanted(
    bench: Bench, run: Run, bureau: UploadServer
) -> None:
    clinic = Clinic(bench, run, bureau, "2.4.0")
    playbook = ready(clinic)
    file = fetched(clinic)
    new_pc(clinic)
    told = clinic.recover("--backup", str(file), playbook=playbook)
    assert told["status"] == "changed"
    assert told["rounds"][-1]["rung"] == "converge"
    assert clinic.shop.versions == ("3.1.0", "3.1.0")
    assert clinic.shop.rows() == clinic.ledger
    assert clinic.works()
    assert clinic.shop.json("plan", playbook)[0] == 0


def test_without_any_backup_a_person_is_told(bench: Bench, run: Run, bureau: UploadServer) -> None:
    clinic = Clinic(bench, run, bureau)
    new_pc(clinic)
    before = snapshot(Path(clinic.root))
    told = clinic.recover(code=5)
    assert told["status"] == "failed"
    assert told["error"]["code"] == "recover-no-backup"
    assert "pc-empty" in {finding["cause"] for finding in told["left"]}
    after = snapshot(Path(clinic.root))
    # The driver is there by now: it needs no backup.
    moved = {path for path in {**before, **after} if before.get(path) != after.get(path)}
    assert {path for path in moved if not path.startswith(("etc/lantai", "usr/lib"))} <= {"etc", "usr"}


@pytest.mark.parametrize("harm", ["no archive", "no backup in it", "damaged in it", "of another", "of other folders"])
def test_a_file_that_is_no_whole_backup_of_this_client_is_refused(
    bench: Bench, run: Run, bureau: UploadServer, harm: str
) -> None:
    clinic = Clinic(bench, run, bureau)
    file = fetched(clinic)
    new_pc(clinic)
    wanted = HARMS[harm](clinic, file)
    code, document = clinic.shop.json("recover", "play.yml", "--yes", "--backup", str(file))
    assert code in (2, 5)
    assert wanted in codes(errors_in(document))
    assert not Path(clinic.shop.one.folder).exists()


def _no_archive(clinic: Clinic, file: Path) -> str:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    return "backup-file"


def _no_backup(clinic: Clinic, file: Path) -> str:
    with tarfile.open(file, "w:gz") as tar:
        tar.add(__file__, arcname="readme.txt")
    return "backup-file"


def _damaged(clinic: Clinic, file: Path) -> str:
    with _unpacked(clinic, file) as folder:
        (database,) = folder.rglob("lantai.db")
        database.write_bytes(database.read_bytes()[:-1] + b"?")
    return "backup-damaged"


def _elsewhere(clinic: Clinic, file: Path) -> str:
    with _unpacked(clinic, file) as folder:
        (manifest,) = folder.rglob("manifest.json")
        manifest.write_bytes(manifest.read_bytes().replace(b'"path": "/var/lib/', b'"path": "/etc/'))
        assert b'"/etc/' in manifest.read_bytes()
    return "backup-of-another"


@contextmanager
def _unpacked(clinic: Clinic, file: Path) -> Iterator[Path]:
    folder = clinic.shop.bench.folder / "unpacked"
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    yield folder
    with tarfile.open(file, "w:gz") as tar:
        for each in folder.iterdir():
            tar.add(each, arcname=each.name)


def _another(clinic: Clinic, file: Path) -> str:
    told = clinic.shop.vars["instances"][0]
    told["machine"] = "5"
    contents = disks.unplug(clinic.root)
    disks.plug(clinic.root, dict(contents, machine="5"))
    return "backup-of-another"


HARMS = {
    "no archive": _no_archive,
    "no backup in it": _no_backup,
    "damaged in it": _damaged,
    "of another": _another,
    "of other folders": _elsewhere,
}
