"""Saved plans: canonical JSON with a hash over it. A secret is a fingerprint there; apply renders it again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guiwei.errors import GuiweiError, InputError, Place, error_from_wire
from guiwei.model.plan import FORMAT, Change, Condition, HostPlan, InstancePlan, Mismatch, Plan, Sealed, Stage, Step
from guiwei.target.secret import Secret

__all__ = ["fill_secrets", "load_plan", "save_plan"]


def save_plan(plan: Plan, path: Path) -> Plan:
    """Write a plan atomically with mode 0600 and return it with its digest.

    Raises:
        InputError: it cannot be written there (`file-unwritable`).
    """
    body = _plain(dataclasses.replace(plan, digest=""), plan.key)
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    body["digest"] = digest
    try:
        _write(path, _canonical(body) + b"\n")
    except OSError as error:
        raise InputError("file-unwritable", file=str(path), reason=error.strerror or str(error)) from error
    return dataclasses.replace(plan, digest=digest)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def load_plan(path: Path) -> Plan:
    """Read a saved plan; its secrets are `Sealed`.

    Raises:
        InputError: it is not a plan file, of another format, or was changed after it was saved (`plan-damaged`).
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError("file-missing", file=str(path)) from error
    except (ValueError, OSError) as error:
        raise InputError("plan-not-a-plan", file=str(path)) from error
    if not isinstance(body, dict) or "hosts" not in body or "key" not in body:
        raise InputError("plan-not-a-plan", file=str(path))
    if body.get("format") != FORMAT:
        raise InputError("plan-format", file=str(path), format=body.get("format"))
    digest = body.pop("digest", "")
    if hashlib.sha256(_canonical({**body, "digest": ""})).hexdigest() != digest:
        raise InputError("plan-damaged", file=str(path))
    hosts = tuple(_host(host) for host in body["hosts"])
    known = {field.name for field in dataclasses.fields(Plan)}
    plain = {name: _revive(item) for name, item in body.items() if name in known and name != "hosts"}
    return Plan(**{**plain, "hosts": hosts, "digest": digest})


def _canonical(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, Secret):
        return {"$secret": value.fingerprint(bytes.fromhex(key))}
    if isinstance(value, GuiweiError):
        return {"$error": value.to_wire()}
    if isinstance(value, Place):
        return {"$place": list(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), key) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_escaped(str(name)): _plain(item, key) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, key) for item in value]
    return value


def _escaped(name: str) -> str:
    """A user's own name may look like one of the marks above."""
    return f"${name}" if name.startswith("$") else name


def _revive(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$secret"}:
            return Sealed(value["$secret"])
        if set(value) == {"$error"}:
            return error_from_wire(value["$error"])
        if set(value) == {"$place"}:
            return Place(*value["$place"])
        return {name.removeprefix("$"): _revive(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_revive(item) for item in value]
    return value


def _host(body: Mapping[str, Any]) -> HostPlan:
    value = _revive(dict(body))
    value["stages"] = tuple(_stage(stage) for stage in value["stages"])
    value["instances"] = tuple(
        InstancePlan(
            **{
                **each,
                "mismatches": tuple(Mismatch(**item) for item in each["mismatches"]),
                "ledger": tuple(each["ledger"]),
                "conditions": tuple(Condition(**item) for item in each.get("conditions", ())),
            }
        )
        for each in value["instances"]
    )
    value["not_compared"] = tuple(value.get("not_compared", ()))
    return HostPlan(**value)


def _stage(value: Mapping[str, Any]) -> Stage:
    versions = value["versions"]
    return Stage(
        **{
            **value,
            "steps": tuple(_step(step) for step in value["steps"]),
            "versions": tuple(versions) if versions else None,
        }
    )


def _step(value: Mapping[str, Any]) -> Step:
    when_changed = value["when_changed"]
    return Step(
        **{
            **value,
            "changes": tuple(Change(**change) for change in value["changes"]),
            "when_changed": tuple(when_changed) if when_changed is not None else None,
            "notify": tuple(value["notify"]),
        }
    )


def fill_secrets(saved: HostPlan, fresh: HostPlan) -> HostPlan:
    """Return the saved plan with the secrets that were rendered again; steps that are no longer needed go.

    Call it after `guiwei.safety.staleness` found nothing: what is filled in has the saved fingerprint.
    """
    now = {step.id: step for step in fresh.steps}
    stages = []
    for stage in saved.stages:
        steps = tuple(
            dataclasses.replace(
                step,
                reading=now[step.id].reading,
                state=now[step.id].state,
                guards=now[step.id].guards,
                # Whether somebody may be interrupted is decided when it is done.
                unless=now[step.id].unless,
            )
            for step in stage.steps
            if step.id in now
        )
        stages.append(dataclasses.replace(stage, steps=steps))
    return dataclasses.replace(
        saved, stages=tuple(stages), artifacts=fresh.artifacts, facts=fresh.facts, observing=fresh.observing
    )
