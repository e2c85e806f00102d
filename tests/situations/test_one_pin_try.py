"""A PIN is never tried twice, and not at all when one try is left, on every path that guiwei has."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from lantai_support import Run, codes, errors_in
from scenario_bench import Bench
from situations_clinic import Clinic

from lab.lantai import faults
from lab.lantai.upload_server import UploadServer

#: What guiwei could want to give the PIN for, and what may stand beside it.
BESIDE: dict[str, Callable[[Clinic], object]] = {
    "alone": lambda clinic: None,
    "stopped": lambda clinic: clinic.shop.do("stop"),
    "crashed": lambda clinic: faults.process_killed(clinic.root, clinic.instance),
    "wrong limit": lambda clinic: faults.wrong_parameters(clinic.root, clinic.instance, limit="9999.99"),
    "old driver": lambda clinic: (clinic.shop.do("stop"), faults.driver_outdated(clinic.root)),
    "program gone": lambda clinic: (clinic.shop.do("stop"), faults.program_lost(clinic.root, clinic.instance)),
    "data damaged": lambda clinic: (clinic.shop.do("stop"), faults.database_damaged(clinic.root, clinic.instance)),
    "settings empty": lambda clinic: (clinic.shop.do("stop"), faults.settings_lost(clinic.root, clinic.instance)),
    "empty PC": lambda clinic: (clinic.shop.do("stop"), faults.pc_emptied(clinic.root)),
}


def left(clinic: Clinic, tries: int) -> None:
    """Lose the registration, and leave this many tries on the disk, as somebody who guessed does."""
    if clinic.shop.one.folder:
        faults.disk_unregistered(clinic.root, clinic.instance)
    faults.pin_tries_spent(clinic.root, tries)


def every_path(clinic: Clinic) -> None:
    """Take every way on which guiwei may touch a PC; how each ends is no matter here."""
    shop = clinic.shop
    shop.json("plan", "play.yml", "-o", "plan.json")
    shop.json("apply", "play.yml", "--yes")
    if (shop.bench.work / "plan.json").exists():
        shop._run("apply", "plan.json", "--yes", "--json")
    shop.json("recover", "play.yml", "--dry-run")
    _, document = shop.json("recover", "play.yml", "--yes")
    shop.json("recover", "play.yml", "--yes")
    shop.json("apply", "play.yml", "--yes", "--issue")
    shop.json("verify", "play.yml")
    shop.json("verify", "play.yml", "--issue")
    shop.json("backup", "play.yml")
    shop.json("facts")
    shop.json("rollback", document["run"])
    shop.json("recover", "play.yml", "--yes")


#: A run samples: what differs most on the way to the disk. `GUIWEI_PROOF=1` takes them all.
PROOF = os.environ.get("GUIWEI_PROOF") == "1"
SAMPLE = list(BESIDE) if PROOF else ["alone", "empty PC"]


@pytest.mark.parametrize("beside", SAMPLE)
def test_the_last_try_is_nobodys(bench: Bench, run: Run, bureau: UploadServer, beside: str) -> None:
    clinic = Clinic(bench, run, bureau)
    left(clinic, 1)
    BESIDE[beside](clinic)
    every_path(clinic)
    # A right PIN would have brought the counter back to its full number, a wrong one to nothing.
    assert clinic.tries == 1


@pytest.mark.parametrize("tries", [2, 3, 5] if PROOF else [3])
def test_a_wrong_pin_is_tried_once_in_a_run(bench: Bench, run: Run, bureau: UploadServer, tries: int) -> None:
    clinic = Clinic(bench, run, bureau)
    clinic.shop.vars["instances"][0]["disk_pin"] = "13572468"
    left(clinic, tries)
    faults.process_killed(clinic.root, clinic.instance)
    told = clinic.recover(code=0 if tries == 2 else 5)
    assert told["status"] == ("waiting" if tries == 2 else "failed")
    assert clinic.tries == tries - 1
    assert [each["causes"].get("disk-unregistered") for each in told["rounds"]].count("settings") == 1
    # What else was wrong was cured all the same, and no rung higher for it.
    assert [finding["cause"] for finding in told["left"]] == ["pin-last-try" if tries == 2 else "disk-unregistered"]
    assert {each["rung"] for each in told["rounds"]} == {"settings", "restart"}
    every_path(clinic)
    # However often somebody runs whatever: the same PIN is not given again.
    assert clinic.tries == tries - 1


@pytest.mark.parametrize("tries", [3, 5])
def test_a_wrong_pin_is_never_given_again(bench: Bench, run: Run, bureau: UploadServer, tries: int) -> None:
    clinic = Clinic(bench, run, bureau)
    right = clinic.shop.vars["instances"][0]["disk_pin"]
    clinic.shop.vars["instances"][0]["disk_pin"] = "13572468"
    left(clinic, tries)
    assert clinic.shop.json("apply", "play.yml", "--yes")[0] == 5
    assert clinic.tries == tries - 1
    found, document = clinic.shop.json("apply", "play.yml", "--yes")
    assert (found, codes(errors_in(document))) == (4, ["secret-given-in-vain"])
    every_path(clinic)
    assert clinic.tries == tries - 1
    # Somebody gives the right one by hand, and the count starts anew: now the inventory's right one may be given.
    clinic.shop.vars["instances"][0]["disk_pin"] = right
    faults.pin_tries_spent(clinic.root, 5)
    clinic.shop.play({})
    assert clinic.shop.json("apply", "play.yml", "--yes")[0] == 0


def test_an_apply_says_why_it_does_not_try(bench: Bench, run: Run, bureau: UploadServer) -> None:
    clinic = Clinic(bench, run, bureau)
    left(clinic, 1)
    found, document = clinic.shop.json("apply", "play.yml", "--yes")
    assert found == 4
    assert codes(errors_in(document)) == ["pin-last-try"]
