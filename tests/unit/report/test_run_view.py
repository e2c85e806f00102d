from __future__ import annotations

from dataclasses import replace

import pytest
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import RUNS, SECRET
from report_samples import PASSWORD, rich_run, show

from guiwei.model.run import HostResult, InstanceResult, RunResult
from guiwei.report._ledger import ledger_rows
from guiwei.report.run_view import run_view
from guiwei.report.words import Words


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_rich_run_looks_as_it_did(lang: str) -> None:
    shown = show(run_view(rich_run(), Words(lang)))
    assert PASSWORD not in shown
    check_golden(f"run-{lang}.txt", shown)


def run_of(*hosts: HostResult) -> RunResult:
    return RunResult("r1", "apply", "site.yml", "03:40", "03:41", hosts)


def test_hosts_that_ended_alike_are_one_row() -> None:
    hosts = [HostResult(f"pc{number:03}", "changed", seconds=2.0) for number in range(1, 201)]
    shown = show(run_view(run_of(*hosts), Words("en")))
    assert "pc[001:200]" in shown
    assert len(shown.splitlines()) < 10
    assert shown.splitlines()[-1] == "200 hosts: 200 changed. 2.0 s."


def test_a_host_with_two_taxpayers_has_a_row_for_each() -> None:
    host = HostResult("pc1", "refused", instances=(InstanceResult("A.0", "changed"), InstanceResult("B.0", "pending")))
    shown = show(run_view(run_of(host), Words("en")))
    assert [line.split() for line in shown.splitlines() if "A.0" in line or "B.0" in line] == [
        ["A.0", "changed", "0"],
        ["B.0", "pending", "0"],
    ]


def rows(**amounts: tuple[int, str]) -> InstanceResult:
    def row(count: int, amount: str) -> dict[str, object]:
        return {"kind": "026", "month": "2026-11", "count": count, "amount": amount, "tax": "0.10"}

    return InstanceResult(
        "A.0",
        "changed",
        ledger_before=(row(*amounts["before"]),),
        ledger_after=(row(*amounts["after"]),),
        invoices=({"kind": "026", "month": "2026-11", "amount": "0.20", "tax": "0.00"},) if "tests" in amounts else (),
        reconciled=True,
    )


def test_money_is_added_exactly() -> None:
    (row,) = ledger_rows(rows(before=(1, "0.10"), tests=(1, ""), after=(2, "0.30")))
    assert row.ok


@pytest.mark.parametrize(("count", "amount"), [(3, "0.30"), (2, "0.31"), (2, "?")])
def test_a_row_that_does_not_add_up_is_marked_whatever_the_verdict(count: int, amount: str) -> None:
    instance = rows(before=(1, "0.10"), tests=(1, ""), after=(count, amount))
    (row,) = ledger_rows(instance)
    assert not row.ok
    shown = show(run_view(run_of(HostResult("pc1", "changed", instances=(instance,))), Words("en")))
    assert next(line for line in shown.splitlines() if "026" in line).endswith("✗")


def test_a_row_that_is_wrong_is_told_among_many() -> None:
    months = [f"{year}-{month:02}" for year in (2024, 2025, 2026) for month in range(1, 13)]
    before = tuple({"kind": "004", "month": month, "count": 1, "amount": "1.00", "tax": "0"} for month in months)
    after = (*before[:-1], {**before[-1], "count": 2})
    instance = InstanceResult("A.0", "failed", ledger_before=before, ledger_after=after, reconciled=False)
    shown = show(run_view(run_of(HostResult("pc1", "failed", instances=(instance,))), Words("en")))
    assert "2026-12" in shown
    assert "… 35 more rows, all equal" in shown


def test_the_same_error_of_many_hosts_is_told_once() -> None:
    failed = next(host for host in rich_run().hosts if host.status == "unreachable")
    hosts = [replace(failed, host=f"pc{number}") for number in range(1, 31)]
    assert show(run_view(run_of(*hosts), Words("en"))).count("is in use by another program") == 1


@given(RUNS, st.sampled_from(["en", "zh"]), st.sampled_from([20, 60, 100]))
@settings(max_examples=40, deadline=None)
def test_any_run_is_shown_without_its_secrets(run: RunResult, lang: str, width: int) -> None:
    shown = show(run_view(run, Words(lang)), width)
    assert SECRET not in shown.replace("\n", "")
    shown.encode("utf-8")
