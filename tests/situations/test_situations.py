"""Every situation of `situations_cases`: the diagnosis is right, no rung is too high, and the client works again.

`GUIWEI_PROOF=1` also asks what a clerk sees of each, and writes docs/situations.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run
from scenario_bench import Bench
from situations_cases import SITUATIONS, Situation
from situations_clinic import Clinic
from situations_table import Row, markdown, sharing

from guiwei.invoicing.ladder import RUNGS
from guiwei.report.words import Words
from lab.lantai.upload_server import UploadServer

PROOF = os.environ.get("GUIWEI_PROOF") == "1"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "situations.md"
ROWS: dict[str, Row] = {}


def _causes(findings: list[dict[str, Any]]) -> set[str]:
    return {finding["cause"] for finding in findings if finding["because"] is None}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(bench: Bench, run: Run, bureau: UploadServer, name: str) -> None:
    situation = SITUATIONS[name]
    clinic = Clinic(bench, run, bureau, situation.version)
    for fault in situation.faults:
        fault(clinic)
    symptom = clinic.symptom() if PROOF else None
    bureau.requests = 0
    before, tries = clinic.shop.snapshot(), clinic.tries
    told = clinic.recover()
    assert _causes(told["findings"]) == set(situation.causes)
    assert told["status"] == situation.status
    _climbed(situation, told)
    # A right PIN resets the counter; nothing ever makes it smaller.
    assert clinic.tries in (tries, clinic.full_tries if "disk-unregistered" in situation.causes else tries)
    if situation.untouched:
        assert clinic.shop.snapshot() == before
        assert told["person"] != [] or name == "nothing"
    if situation.status == "changed":
        assert told["left"] == []
        assert clinic.works()
        assert clinic.shop.rows() == clinic.ledger
        assert clinic.result["reconciled"] is True
        # There is nothing more to do, for an ordinary plan and for a recovery.
        clinic.shop.plan(code=0)
        if PROOF:
            assert clinic.recover()["status"] == "unchanged"
    if symptom is not None:
        ROWS[name] = Row.of(situation, symptom, told, clinic.result)


def _climbed(situation: Situation, told: dict[str, Any]) -> None:
    """Each cause was given its own rung and no other, and nothing was climbed beyond the highest of them."""
    expected = {**situation.causes, **(situation.later or {})}
    given: dict[str, list[str]] = {}
    for each in told["rounds"]:
        for cause, rung in each["causes"].items():
            given.setdefault(cause, []).append(rung)
    assert given == {cause: [rung] for cause, rung in expected.items() if rung is not None}
    climbed = [each["rung"] for each in told["rounds"]]
    assert max(climbed, key=RUNGS.index, default=None) == situation.rung
    if situation.status == "changed":
        assert told["cured"] == max(climbed, key=RUNGS.index)


def test_the_situations_are_many_and_alike() -> None:
    """At least sixteen, some at once; the document tells of all of them, and which look alike to a clerk."""
    assert len(SITUATIONS) >= 16
    assert sum(len(each.causes) > 1 for each in SITUATIONS.values()) >= 4


if PROOF:

    def test_the_document_is_written() -> None:
        assert set(ROWS) == set(SITUATIONS), "the file's tests must run in one process (--dist loadfile)"
        assert len(sharing(ROWS)) >= 4
        DOCUMENT.write_text(markdown(ROWS), "utf-8")


def test_the_document_is_about_these_situations() -> None:
    """Seconds differ from run to run; names, causes and rungs must not."""
    text = DOCUMENT.read_text("utf-8")
    words = Words("en")
    table = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert list(table) == list(SITUATIONS)
    for name, situation in SITUATIONS.items():
        assert all(words.say(f"cause-{cause}") in table[name] for cause in situation.causes)
        assert situation.rung is None or words.say(f"rung-{situation.rung}") in table[name]
    assert text.partition("## Alike")[2].count("\n- ") >= 4
