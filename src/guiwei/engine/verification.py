"""Verification of one instance: the checks without fiscal effect, and one test invoice where a playbook asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guiwei.engine.filing import filing_moved, filing_told
from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import given_of
from guiwei.engine.ports import Session
from guiwei.engine.tries import look_at_tries
from guiwei.engine.work import InstanceWork, Work, condition_readings, contexts, read_of, value_at
from guiwei.errors import GateError, GuiweiError, ResourceError, error_from_wire
from guiwei.invoicing.ledger import reconcile
from guiwei.invoicing.stored import from_stored
from guiwei.model.plan import HostPlan
from guiwei.model.product import Action, Check, Issue
from guiwei.model.run import CheckResult, InstanceResult
from guiwei.target.contract import PRESENCE, identity_of

__all__ = ["issue_invoice", "password_due", "verification_request", "verified"]


def verification_request(work: Work, instances: tuple[InstanceWork, ...]) -> dict[str, Any]:
    """Return the one request that reads what all checks of these instances need, and their ledgers."""
    reads: dict[str, dict[str, Any]] = {}
    for instance in instances:
        named = [(check.module, check.arguments) for check in instance.product.ready]
        named += [(reading.module, reading.arguments) for reading in condition_readings(instance)]
        if instance.product.ledger:
            named.append(("query", instance.product.ledger))
        if instance.product.filing and instance.product.device is not None:
            named.append((instance.product.device.module, instance.product.device.arguments))
        for module, arguments in named:
            identity = identity_of(module, arguments, instance.id)
            reads[identity] = read_of(identity, module, arguments, instance.id)
    return {"op": "observe", "reads": list(reads.values()), **contexts(work)}


def verified(
    instance: InstanceWork,
    observation: Observation,
    before: tuple[Mapping[str, Any], ...],
    invoices: tuple[Mapping[str, Any], ...],
    good: str,
    filing: Mapping[str, Any] | None = None,
    conditions: tuple[CheckResult, ...] = (),
) -> InstanceResult:
    """Return an instance's checks and reconciliation.

    Args:
        before: the ledger as it was before anything was touched; empty if nobody looked.
        invoices: the run's recorded test invoices.
        good: the status if all is well; `failed` otherwise.
        filing: what the device said of reports and lock dates before; None if it was not asked.
        conditions: what `state:` wants besides.
    """
    checks = (*(_check(instance, check, observation) for check in instance.product.ready), *conditions)
    after: tuple[Mapping[str, Any], ...] = ()
    differences: tuple[str, ...] = ()
    error: GuiweiError | None = None
    reconciled: bool | None = None
    try:
        after = ledger_rows(instance, observation)
        if before or invoices:
            differences = reconcile(before, after, invoices)
        differences += filing_moved(filing, filing_told(instance, observation))
        if before or invoices or differences:
            reconciled = not differences
    except GuiweiError as raised:
        error, reconciled = raised, False
    well = all(check.ok for check in checks) and reconciled is not False
    return InstanceResult(
        id=instance.id,
        status=good if well else "failed",
        error=error,
        checks=checks,
        ledger_before=before,
        ledger_after=after,
        invoices=invoices,
        reconciled=reconciled,
        differences=differences,
    )


def _check(instance: InstanceWork, check: Check, observation: Observation) -> CheckResult:
    try:
        state = observation.state(identity_of(check.module, check.arguments, instance.id))
    except GuiweiError as error:
        return CheckResult(check.name, False, check.label, {}, check.expect, error)
    found = {path: _found(state, path) for path in check.expect}
    return CheckResult(check.name, found == dict(check.expect), check.label, found, check.expect)


def _found(state: Mapping[str, Any] | None, path: str) -> Any:
    """`state: present` expects nothing but that the thing is there."""
    if path == PRESENCE:
        return "absent" if state is None else "present"
    return value_at(state, path)


def password_due(plan: HostPlan, instance: InstanceWork) -> GateError | None:
    """Refuse a login while the password is still to be changed: the vault has the new one already."""
    due = any(step.instance == instance.id and (step.proof or {}).get("at_least") for step in plan.steps)
    return GateError("password-due", instance=instance.id) if due else None


def issue_invoice(
    session: Session, work: Work, instance: InstanceWork, issue: Issue, run: str
) -> tuple[Mapping[str, Any], ...]:
    """Issue one invoice, record it, void it, and return the record.

    The record is made as soon as the number is known: an invoice that cannot be voided is reported, never lost.

    Raises:
        GateError: the client counts a wrong password, or it is the last try.
        GuiweiError: it could not be issued, or (`invoice-not-voided`) not voided.
    """
    if issue.login is not None:
        look_at_tries(session, work, instance, issue.login)
        _run_action(session, work, instance, issue.login, run, "login")
    answer = _answer(_run_action(session, work, instance, issue.issue, run, "issue"))
    told = {name: from_stored(value_at(answer, each.field), each.stored) for name, each in issue.answer.items()}
    invoice = {**told, "month": str(told.get("issued", ""))[:7], "status": "valid"}
    void = Action(
        tuple(word.replace("{number}", str(invoice["number"])) for word in issue.void.argv),
        issue.void.given,
        issue.void.timeout,
    )
    try:
        _run_action(session, work, instance, void, run, "void")
    except GuiweiError as error:
        raise ResourceError(
            "invoice-not-voided", instance=instance.id, number=str(invoice["number"]), detail=str(error)
        ) from error
    return ({**invoice, "status": "void"},)


def _run_action(
    session: Session, work: Work, instance: InstanceWork, action: Action, run: str, name: str
) -> Mapping[str, Any]:
    state: dict[str, Any] = {"done": True}
    if action.given:
        state["given"] = given_of(instance, action)
    step = {
        "id": f"verify/{instance.id}/{name}",
        "module": "command",
        "with": {"argv": list(action.argv), "timeout": action.timeout},
        "state": state,
        "guards": None,
        "instance": instance.id,
    }
    results: list[dict[str, Any]] = []
    session.ask({"op": "apply", "run": run, "steps": [step], **contexts(work)}, results.append)
    if results and results[0].get("error"):
        raise error_from_wire(results[0]["error"])
    return results[0].get("receipt") or {} if results else {}


def _answer(receipt: Mapping[str, Any]) -> Any:
    try:
        return json.loads(str(receipt.get("output", "")))
    except ValueError as error:
        raise ResourceError("answer-not-json", output=str(receipt.get("output", ""))[:200]) from error
