"""JSON Schemas (2020-12) of what `--json` prints; the CLI writes them to `schemas/output-*.json`."""

from __future__ import annotations

from typing import Any

from guiwei.model.run import STATUSES

__all__ = ["output_schemas"]

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_FLAG: Schema = {"type": "boolean"}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_MAYBE_SECONDS: Schema = {"type": ["number", "null"], "minimum": 0}
_MAPPING: Schema = {"type": "object"}
_MAYBE_MAPPING: Schema = {"type": ["object", "null"]}
_ROWS: Schema = {"type": "array", "items": {"type": "object"}}
_ANY: Schema = {}


def output_schemas() -> dict[str, Schema]:
    """Return the schemas by name: `plan`, `run`, `recovery`, `event` and `error`; each stands alone."""
    return {
        "plan": _alone("plan", "What guiwei would do, host by host."),
        "run": _alone("run", "How a run ended, host by host."),
        "recovery": _alone("recovery", "What recovery found, what it did, and how each client ended."),
        "event": _alone("event", "Something that happened on one host while a run goes on."),
        "error": _alone("error", "An error or notice: its code, its message, and what to do."),
    }


def _alone(name: str, description: str) -> Schema:
    needed: dict[str, Schema] = {}
    _collect(_DEFINITIONS[name], needed)
    needed.pop(name, None)
    schema: Schema = {"$schema": _DRAFT, "title": f"guiwei {name}", "description": description}
    schema.update(_DEFINITIONS[name])
    if needed:
        schema["$defs"] = {part: needed[part] for part in sorted(needed)}
    return schema


def _collect(schema: Any, needed: dict[str, Schema]) -> None:
    """Find the definitions that a schema refers to, and those that they refer to."""
    if isinstance(schema, list):
        for item in schema:
            _collect(item, needed)
    if not isinstance(schema, dict):
        return
    for name, item in schema.items():
        if name != "$ref":
            _collect(item, needed)
            continue
        part = item.rsplit("/", 1)[1]
        if part not in needed:
            needed[part] = _DEFINITIONS[part]
            _collect(_DEFINITIONS[part], needed)


def _closed(**properties: Schema) -> Schema:
    """An object with exactly these keys: a program may rely on each of them."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _maybe(name: str) -> Schema:
    return {"anyOf": [_ref(name), {"type": "null"}]}


def _many(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _one_of(*names: str) -> Schema:
    return {"enum": list(names)}


_COUNT: Schema = {"type": "integer", "minimum": 0}
_STATUS = _one_of(*STATUSES)
_RUNG = _one_of("restart", "settings", "repair", "reset", "reinstall", "restore")
_ORIGIN = _one_of("playbook", "policy", "inventory", "product", "guiwei")

_DEFINITIONS: dict[str, Schema] = {
    "place": _closed(file=_TEXT, line={"type": "integer", "minimum": 1}, column={"type": "integer", "minimum": 1}),
    "error": _closed(code=_TEXT, message=_TEXT, fix=_MAYBE_TEXT, place=_maybe("place"), args=_MAPPING),
    "event": _closed(kind=_TEXT, host=_TEXT, data=_MAPPING),
    "plan": _closed(
        format={"const": 1},
        id=_TEXT,
        playbook=_TEXT,
        created=_TEXT,
        reason=_MAYBE_TEXT,
        digest=_TEXT,
        inputs=_MAPPING,
        at=_MAYBE_TEXT,
        policies={"type": "array", "items": _ref("policy")},
        hosts=_many("host_plan"),
    ),
    "policy": _closed(
        name=_TEXT,
        reason=_MAYBE_TEXT,
        **{"from": _TEXT},
        until=_MAYBE_TEXT,
        in_force=_FLAG,
        place=_TEXT,
    ),
    "host_plan": _closed(
        host=_TEXT,
        status=_STATUS,
        seconds=_SECONDS,
        error=_maybe("error"),
        counts=_closed(add=_COUNT, change=_COUNT, remove=_COUNT, run=_COUNT, maybe=_COUNT),
        instances=_many("instance_plan"),
        stages=_many("stage"),
        expected_seconds=_MAYBE_SECONDS,
        facts=_MAPPING,
        artifacts=_MAPPING,
        closed=_MAYBE_MAPPING,
        not_compared={"type": "array", "items": _TEXT},
    ),
    "instance_plan": _closed(
        id=_TEXT,
        status=_STATUS,
        product=_TEXT,
        error=_maybe("error"),
        mismatches=_many("mismatch"),
        ledger=_ROWS,
        facts=_MAPPING,
        conditions=_many("condition"),
    ),
    "condition": _closed(
        field=_TEXT,
        label=_TEXT,
        ok=_FLAG,
        wanted=_ANY,
        found=_ANY,
        place=_maybe("place"),
        origin=_ORIGIN,
        policy=_MAYBE_TEXT,
        error=_maybe("error"),
    ),
    "mismatch": _closed(
        field=_TEXT,
        label=_TEXT,
        kind=_one_of("asserted", "device"),
        wanted=_ANY,
        found=_ANY,
        place=_maybe("place"),
    ),
    "stage": _closed(
        number=_COUNT,
        title=_TEXT,
        instance=_MAYBE_TEXT,
        versions={"anyOf": [{"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}, {"type": "null"}]},
        steps=_many("step"),
        expected_seconds=_MAYBE_SECONDS,
    ),
    "step": _closed(
        id=_TEXT,
        resource=_TEXT,
        module=_TEXT,
        name=_TEXT,
        label=_TEXT,
        kind=_one_of("add", "change", "remove", "run", "maybe", "person"),
        instance=_MAYBE_TEXT,
        reading=_MAPPING,
        state=_MAYBE_MAPPING,
        changes=_many("change"),
        guards=_MAYBE_MAPPING,
        place=_maybe("place"),
        origin=_ORIGIN,
        risk=_one_of("ordinary", "restart", "data", "professional"),
        irreversible=_FLAG,
        requires=_MAYBE_TEXT,
        when_changed={"type": ["array", "null"], "items": _TEXT},
        known_after={"type": ["integer", "null"]},
        always=_FLAG,
        handler=_MAYBE_TEXT,
        notify={"type": "array", "items": _TEXT},
        proof=_MAYBE_MAPPING,
    ),
    "change": _closed(
        field=_TEXT,
        label=_TEXT,
        before=_ANY,
        after=_ANY,
        place=_maybe("place"),
        origin=_ORIGIN,
        policy=_MAYBE_TEXT,
        cause=_one_of("drift", "intended", "both", "new"),
    ),
    "run": _closed(
        run=_TEXT,
        command=_TEXT,
        playbook=_TEXT,
        plan=_TEXT,
        reason=_MAYBE_TEXT,
        started=_TEXT,
        finished=_TEXT,
        hosts=_many("host_result"),
    ),
    "host_result": _closed(
        host=_TEXT,
        status=_STATUS,
        seconds=_SECONDS,
        error=_maybe("error"),
        contact=_MAYBE_MAPPING,
        checks=_many("check"),
        steps=_many("step_result"),
        instances=_many("instance_result"),
    ),
    "step_result": _closed(
        id=_TEXT,
        name=_TEXT,
        instance=_MAYBE_TEXT,
        status=_one_of("unchanged", "changed", "waiting", "failed", "refused", "skipped", "unknown", "unreachable"),
        changes={"type": "array", "items": _closed(field=_TEXT, before=_ANY, after=_ANY)},
        seconds=_SECONDS,
        receipt=_MAYBE_MAPPING,
        error=_maybe("error"),
    ),
    "instance_result": _closed(
        id=_TEXT,
        status=_STATUS,
        error=_maybe("error"),
        checks=_many("check"),
        ledger_before=_ROWS,
        ledger_after=_ROWS,
        invoices=_ROWS,
        reconciled={"type": ["boolean", "null"]},
        differences={"type": "array", "items": _TEXT},
    ),
    "recovery": _closed(
        run=_TEXT,
        command={"const": "recover"},
        playbook=_TEXT,
        reason=_MAYBE_TEXT,
        started=_TEXT,
        finished=_TEXT,
        dry_run=_FLAG,
        hosts=_many("host_recovery"),
    ),
    "host_recovery": _closed(
        host=_TEXT,
        status=_STATUS,
        seconds=_SECONDS,
        error=_maybe("error"),
        instances=_many("instance_recovery"),
        result=_ref("host_result"),
    ),
    "instance_recovery": _closed(
        id=_TEXT,
        status=_STATUS,
        product=_TEXT,
        findings=_many("finding"),
        left=_many("finding"),
        rounds=_many("round"),
        rungs={"type": "array", "items": _RUNG},
        missing={"type": "array", "items": _RUNG},
        cured={"anyOf": [_RUNG, {"type": "null"}]},
        seconds=_SECONDS,
        backup=_MAYBE_MAPPING,
        saved=_MAYBE_MAPPING,
        person={"type": "array", "items": _TEXT},
        error=_maybe("error"),
    ),
    "finding": _closed(cause=_TEXT, words=_TEXT, evidence=_MAPPING, because=_MAYBE_TEXT),
    "round": _closed(
        number=_COUNT,
        rung=_one_of("restart", "settings", "repair", "reset", "reinstall", "restore", "converge"),
        causes={"type": "object", "additionalProperties": _RUNG},
        steps=_many("step"),
        results=_many("step_result"),
        seconds=_SECONDS,
        well={"type": ["boolean", "null"]},
        left={"type": "array", "items": _TEXT},
    ),
    "check": _closed(name=_TEXT, label=_TEXT, ok=_FLAG, expected=_MAPPING, found=_MAPPING, error=_maybe("error")),
}
