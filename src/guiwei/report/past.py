"""A past run as the history has it, made a value again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.errors import GuiweiError, error_from_wire
from guiwei.model.run import CheckResult, HostResult, InstanceResult, RunResult, StepResult

__all__ = ["past_run"]


def past_run(record: Mapping[str, Any]) -> RunResult:
    """Return a run of the history.

    Args:
        record: with `id`, `command`, `playbook`, `reason`, `started`, `finished`, `plan` and `hosts`, each of which has
            its `result` as plain JSON.
    """
    return RunResult(
        run=record["id"],
        command=record["command"],
        playbook=record["playbook"],
        started=record["started"],
        finished=record["finished"] or "",
        hosts=tuple(_host(host["result"]) for host in record["hosts"]),
        plan=record.get("plan") or "",
        reason=record["reason"],
    )


def _host(told: Mapping[str, Any]) -> HostResult:
    return HostResult(
        host=told["host"],
        status=told["status"],
        steps=tuple(_step(step) for step in told.get("steps", ())),
        instances=tuple(_instance(each) for each in told.get("instances", ())),
        error=_error(told.get("error")),
        seconds=told.get("seconds", 0.0),
        contact=told.get("contact") or {},
    )


def _step(told: Mapping[str, Any]) -> StepResult:
    return StepResult(
        id=told["id"],
        status=told["status"],
        name=told.get("name", ""),
        instance=told.get("instance"),
        changes=tuple((each["field"], each["before"], each["after"]) for each in told.get("changes", ())),
        seconds=told.get("seconds", 0.0),
        receipt=told.get("receipt"),
        error=_error(told.get("error")),
    )


def _instance(told: Mapping[str, Any]) -> InstanceResult:
    return InstanceResult(
        id=told["id"],
        status=told["status"],
        error=_error(told.get("error")),
        checks=tuple(_check(check) for check in told.get("checks", ())),
        ledger_before=tuple(told.get("ledger_before", ())),
        ledger_after=tuple(told.get("ledger_after", ())),
        invoices=tuple(told.get("invoices", ())),
        reconciled=told.get("reconciled"),
        differences=tuple(told.get("differences", ())),
    )


def _check(told: Mapping[str, Any]) -> CheckResult:
    label = told.get("label")
    return CheckResult(
        name=told["name"],
        ok=told["ok"],
        label={"en": label, "zh": label} if label else {},
        found=told.get("found", {}),
        expected=told.get("expected", {}),
        error=_error(told.get("error")),
    )


def _error(told: Mapping[str, Any] | None) -> GuiweiError | None:
    if told is None:
        return None
    place = told.get("place")
    wire = {"class": "HostError", "code": told["code"], "args": told.get("args", {})}
    return error_from_wire({**wire, "place": [place["file"], place["line"], place["column"]] if place else None})
