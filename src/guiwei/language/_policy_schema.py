"""The JSON Schemas of what holds for a time, and of what a play says to the gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["gate_properties", "policies_schema", "policy_properties"]

_INSTANT = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?$",
}
_TIME = {"type": "string", "pattern": r"^\d{2}:\d{2}$", "examples": ["20:00"]}


def policies_schema(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a file of policies.

    Args:
        state: the schema of `state:`.
    """
    return {
        "title": "guiwei policies / 归位策略",
        "type": "object",
        "properties": {"policies": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/policy"}}},
        "required": ["policies"],
        "additionalProperties": False,
        "$defs": {"policy": policy_properties(state)},
    }


def policy_properties(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of one policy."""
    return {
        "description": "What is wanted from a day on; it is put over the play's own `state` and `vars`.\n"
        "自某日起的要求，覆盖剧本的 state 和 vars。",
        "type": "object",
        "properties": {
            "name": {"description": "Plans show it with each value.\n计划会随每个值显示。", "type": "string"},
            "reason": {"description": "The notice that it follows.\n依据的公告。", "type": "string"},
            "effective_from": {
                **_INSTANT,
                "description": "From when it holds, Asia/Shanghai; a day is its first instant.\n生效时间（北京时间）。",
                "examples": ["2027-01-01", "2027-01-01T08:00"],
            },
            "effective_until": {
                **_INSTANT,
                "description": "The last day on which it holds, or the instant at which it ends.\n"
                "最后一个有效日，或终止的时刻。",
                "examples": ["2027-12-31"],
            },
            "hosts": {
                "description": "A pattern within the play's hosts.\n剧本主机范围内的模式。",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
            "when": {
                "description": "Conditions over variables of the inventory.\n基于清单变量的条件。",
                "anyOf": [
                    {"type": ["string", "boolean"]},
                    {"type": "array", "items": {"type": ["string", "boolean"]}},
                ],
                "examples": ["province == 'zhejiang'"],
            },
            "state": state,
            "vars": {"description": "Variables that it decides.\n由策略决定的变量。", "type": ["object", "null"]},
        },
        "required": ["name", "effective_from"],
        "anyOf": [{"required": ["state"]}, {"required": ["vars"]}],
        "additionalProperties": False,
    }


def gate_properties() -> dict[str, Any]:
    """Return the schemas of `policies`, `policy_files`, `busy` and `calendar` of a play."""
    return {
        "policies": {
            "description": "What holds for a time.\n在一段时间内有效的要求。",
            "type": "array",
            "items": {"$ref": "#/$defs/policy"},
        },
        "policy_files": {
            "description": "Files of policies beside the playbook.\n剧本旁的策略文件。",
            "type": "array",
            "items": {"type": "string"},
            "examples": [["policies/2027.yml"]],
        },
        "busy": {
            "description": "When a client in use may be stopped; otherwise it never is.\n"
            "何时可以停止正在使用的客户端；不写则绝不停止。",
            "type": "object",
            "properties": {
                "agreed": {"description": "Its user agreed.\n操作人员已同意。", "type": "boolean", "default": False},
                "window": {
                    "description": "A time of day at which nobody works, Asia/Shanghai.\n无人使用的时段（北京时间）。",
                    "type": "object",
                    "properties": {"from": _TIME, "until": _TIME},
                    "required": ["from", "until"],
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        "calendar": {
            "description": "The filing calendar: in its last days nothing risky is done.\n"
            "申报日历：截止前几天内不执行有风险的操作。",
            "type": "object",
            "properties": {
                "name": {"description": "A file in `calendars/`.\ncalendars/ 中的文件。", "type": "string"},
                "days": {
                    "description": "How many last days, the deadline included.\n截止前（含当日）几天。",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 28,
                },
                "override": {
                    "description": "Why risky steps are done in them all the same.\n仍要执行的原因。",
                    "type": "string",
                },
            },
            "additionalProperties": False,
        },
    }
