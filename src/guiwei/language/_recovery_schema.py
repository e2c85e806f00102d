"""What a profile's `recovery:` part may say, and how it becomes a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from guiwei.invoicing.diagnosis import CAUSES, OPERATORS
from guiwei.language._product_upkeep import released_of
from guiwei.model.product import Action, CauseRule, Driver, Reading, Recovery

__all__ = ["drivers_of", "recovery_of", "recovery_schema"]

MakeAction = Callable[[Mapping[str, Any] | None], Action | None]
MakeReading = Callable[[Mapping[str, Any] | None], Reading | None]


def recovery_schema(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of `recovery:`.

    Args:
        action: the schema of a program of the client.
    """
    operators = {
        "type": "object",
        "properties": {name: {} for name in OPERATORS},
        "minProperties": 1,
        "additionalProperties": False,
    }
    rule = {
        "type": "object",
        "properties": {
            "if": {
                "type": "object",
                "description": "Sign (dots into mappings) and its value, or operators. 征兆及其取值或比较。",
                "minProperties": 1,
                "additionalProperties": {
                    "anyOf": [operators, {"type": ["string", "number", "boolean", "null", "array"]}]
                },
            },
            "evidence": {
                "type": "object",
                "description": "Name and sign of what people are shown. 向人展示的证据。",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["if"],
        "additionalProperties": False,
    }
    sign = {
        "type": "object",
        "properties": {
            "module": {"type": "string"},
            "with": {"type": "object"},
            "field": {"type": "string", "description": "Field of what it reads; all of it by default. 默认为全部。"},
        },
        "required": ["module", "with"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "How failures show, and what the ladder can use. 故障征兆与恢复手段。",
        "properties": {
            "signs": {"type": "object", "additionalProperties": sign},
            "causes": {
                "type": "object",
                "propertyNames": {"enum": list(CAUSES)},
                "additionalProperties": {"anyOf": [rule, {"type": "array", "items": rule, "minItems": 1}]},
            },
            "reset_mode": dict(action),
            "unstick": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "Seconds before a client that answers nothing is ended by its process id. "
                "无响应的客户端在多少秒后按进程号结束。",
            },
            "settings": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Settings files that a backup can give back alone. 可单独从备份恢复的配置文件。",
            },
        },
        "additionalProperties": False,
    }


def recovery_of(entry: Mapping[str, Any] | None, action: MakeAction) -> Recovery | None:
    """Return the value of a checked `recovery:` part."""
    if entry is None:
        return None
    rules = []
    for cause, told in entry.get("causes", {}).items():
        for rule in told if isinstance(told, list) else [told]:
            rules.append(CauseRule(cause, rule["if"], rule.get("evidence", {})))
    return Recovery(
        signs={
            name: Reading(sign["module"], sign["with"], sign.get("field", ""))
            for name, sign in entry.get("signs", {}).items()
        },
        rules=tuple(rules),
        reset_mode=action(entry.get("reset_mode")),
        unstick=float(entry["unstick"]) if "unstick" in entry else None,
        settings=tuple(entry.get("settings", ())),
    )


def drivers_of(entry: Mapping[str, Any], reading: MakeReading) -> tuple[Driver, ...]:
    """Return the values of a checked `drivers:` part."""
    found = []
    for name, told in entry.items():
        version = reading(told["version"])
        assert version
        found.append(
            Driver(
                name,
                told["label"],
                version,
                told["package"],
                told["source"],
                tuple(map(str, told["versions"])),
                released_of(told),
            )
        )
    return tuple(found)
