"""Values as plain JSON for other programs: stable keys, secrets masked, errors worded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from guiwei.errors import GuiweiError, Place
from guiwei.model.inventory import Notice
from guiwei.model.plan import Change, Condition, HostPlan, InstancePlan, Mismatch, Plan, Stage, Step
from guiwei.model.run import CheckResult, Event, HostResult, InstanceResult, RunResult, StepResult
from guiwei.report._changes import plain
from guiwei.report._steps import count_steps, kind_of
from guiwei.report.durations import host_seconds, stage_seconds
from guiwei.report.words import Words

__all__ = ["to_json"]

Json = dict[str, Any]


def to_json(value: Any, words: Words) -> Any:
    """Return a value of the model as plain JSON: what `output_schemas` describes.

    The HMAC key of a plan, what is asked of the agent, what is declared beyond the steps, and every secret stay out.
    Other values (numbers, texts, lists, mappings, other dataclasses) come back as they are, secrets masked.

    Args:
        value: a `Plan`, `HostPlan`, `RunResult`, `HostResult`, a part of one, an error, a notice or an event.
        words: the language of error messages.
    """
    for kind, convert in _CONVERTERS.items():
        if isinstance(value, kind):
            return convert(value, words)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name), words) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        masked = plain(value)
        if not isinstance(masked, dict):
            return masked
        return {str(name): to_json(item, words) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, Place):
        return [to_json(item, words) for item in value]
    return plain(value)


def _place(place: Place | None) -> Json | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}


def _error(error: GuiweiError, words: Words) -> Json:
    return {
        "code": error.code,
        "message": words.error(error),
        "fix": words.error_fix(error),
        "place": _place(error.place),
        "args": plain(error.arguments),
    }


def _notice(notice: Notice, words: Words) -> Json:
    return {
        "code": notice.code,
        "message": words.say(notice.code, **notice.arguments),
        "fix": words.fix(notice.code, **notice.arguments),
        "place": _place(notice.place),
        "args": plain(notice.arguments),
    }


def _maybe(error: GuiweiError | None, words: Words) -> Json | None:
    return None if error is None else _error(error, words)


def _plan(plan: Plan, words: Words) -> Json:
    return {
        "format": plan.format,
        "id": plan.id,
        "playbook": plan.playbook,
        "created": plan.created,
        "reason": plan.reason,
        "digest": plan.digest,
        "inputs": plain(plan.inputs),
        "at": plan.at or None,
        "policies": plain(plan.policies),
        "hosts": [_host_plan(host, words) for host in plan.hosts],
    }


def _host_plan(host: HostPlan, words: Words) -> Json:
    counts = count_steps(host.steps)
    return {
        "host": host.host,
        "status": host.status,
        "seconds": host.seconds,
        "error": _maybe(host.error, words),
        "counts": {kind: counts[kind] for kind in ("add", "change", "remove", "run", "maybe")},
        "instances": [_instance_plan(instance, words) for instance in host.instances],
        "stages": [{**_stage(stage, words), "expected_seconds": stage_seconds(host, stage)} for stage in host.stages],
        "expected_seconds": host_seconds(host),
        "facts": plain(host.facts),
        "artifacts": plain(host.artifacts),
        "closed": None if host.closed is None else plain(host.closed),
        "not_compared": list(host.not_compared),
    }


def _instance_plan(instance: InstancePlan, words: Words) -> Json:
    return {
        "id": instance.id,
        "status": instance.status,
        "product": instance.product,
        "error": _maybe(instance.error, words),
        "mismatches": [_mismatch(mismatch, words) for mismatch in instance.mismatches],
        "ledger": plain(instance.ledger),
        "facts": plain(instance.facts),
        "conditions": [_condition(condition, words) for condition in instance.conditions],
    }


def _condition(condition: Condition, words: Words) -> Json:
    return {
        "field": condition.field,
        "label": words.label(condition.label, condition.field),
        "ok": condition.ok,
        "wanted": plain(condition.wanted),
        "found": plain(condition.found),
        "place": _place(condition.place),
        "origin": condition.origin,
        "policy": condition.policy or None,
        "error": _maybe(condition.error, words),
    }


def _mismatch(mismatch: Mismatch, words: Words) -> Json:
    return {
        "field": mismatch.field,
        "label": words.label(mismatch.label, mismatch.field),
        "kind": mismatch.kind,
        "wanted": plain(mismatch.wanted),
        "found": plain(mismatch.found),
        "place": _place(mismatch.place),
    }


def _stage(stage: Stage, words: Words) -> Json:
    return {
        "number": stage.number,
        "title": stage.title,
        "instance": stage.instance,
        "versions": list(stage.versions) if stage.versions else None,
        "steps": [_step(step, words) for step in stage.steps],
    }


def _step(step: Step, words: Words) -> Json:
    return {
        "id": step.id,
        "resource": step.resource,
        "module": step.module,
        "name": step.name,
        "label": words.label(step.label, step.name),
        "kind": kind_of(step),
        "instance": step.instance,
        "reading": plain(step.reading),
        "state": None if step.state is None else plain(step.state),
        "changes": [_change(change, words) for change in step.changes],
        "guards": None if step.guards is None else plain(step.guards),
        "place": _place(step.place),
        "origin": step.origin,
        "risk": step.risk,
        "irreversible": step.irreversible,
        "requires": step.requires,
        "when_changed": None if step.when_changed is None else list(step.when_changed),
        "known_after": step.known_after,
        "always": step.always,
        "handler": step.handler,
        "notify": list(step.notify),
        "proof": None if step.proof is None else plain(step.proof),
    }


def _change(change: Change, words: Words) -> Json:
    return {
        "field": change.field,
        "label": words.label(change.label, change.field),
        "before": plain(change.before),
        "after": plain(change.after),
        "place": _place(change.place),
        "origin": change.origin,
        "policy": change.policy or None,
        "cause": change.cause,
    }


def _run(result: RunResult, words: Words) -> Json:
    return {
        "run": result.run,
        "command": result.command,
        "playbook": result.playbook,
        "plan": result.plan,
        "reason": result.reason,
        "started": result.started,
        "finished": result.finished,
        "hosts": [_host_result(host, words) for host in result.hosts],
    }


def _host_result(host: HostResult, words: Words) -> Json:
    return {
        "host": host.host,
        "status": host.status,
        "seconds": host.seconds,
        "error": _maybe(host.error, words),
        "contact": plain(host.contact) or None,
        "checks": [_check(check, words) for check in host.checks],
        "steps": [_step_result(step, words) for step in host.steps],
        "instances": [_instance_result(instance, words) for instance in host.instances],
    }


def _step_result(step: StepResult, words: Words) -> Json:
    return {
        "id": step.id,
        "name": step.name,
        "instance": step.instance,
        "status": step.status,
        "changes": [
            {"field": name, "before": plain(before), "after": plain(after)} for name, before, after in step.changes
        ],
        "seconds": step.seconds,
        "receipt": None if step.receipt is None else plain(step.receipt),
        "error": _maybe(step.error, words),
    }


def _instance_result(instance: InstanceResult, words: Words) -> Json:
    return {
        "id": instance.id,
        "status": instance.status,
        "error": _maybe(instance.error, words),
        "checks": [_check(check, words) for check in instance.checks],
        "ledger_before": plain(instance.ledger_before),
        "ledger_after": plain(instance.ledger_after),
        "invoices": plain(instance.invoices),
        "reconciled": instance.reconciled,
        "differences": list(instance.differences),
    }


def _check(check: CheckResult, words: Words) -> Json:
    return {
        "name": check.name,
        "label": words.label(check.label, check.name),
        "ok": check.ok,
        "expected": plain(check.expected),
        "found": plain(check.found),
        "error": _maybe(check.error, words),
    }


def _event(event: Event, words: Words) -> Json:
    return {"kind": event.kind, "host": event.host, "data": to_json(event.data, words)}


_CONVERTERS: Mapping[type, Any] = {
    Plan: _plan,
    HostPlan: _host_plan,
    InstancePlan: _instance_plan,
    Condition: _condition,
    Mismatch: _mismatch,
    Stage: _stage,
    Step: _step,
    Change: _change,
    RunResult: _run,
    HostResult: _host_result,
    StepResult: _step_result,
    InstanceResult: _instance_result,
    CheckResult: _check,
    Event: _event,
    Notice: _notice,
    GuiweiError: _error,
}
