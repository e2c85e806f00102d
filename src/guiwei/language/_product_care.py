"""Parts of a profile around an upgrade: its rehearsal, what must not move, what support gets, what a person sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["care_of", "care_schema"]

#: What `screens` may describe: the steps of the printed procedure.
SCREENS = ("disk", "login", "stop", "backup", "install", "start", "activate", "register", "parameters", "verify")


def care_schema(label: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas of these parts by their key in a profile.

    Args:
        label: of a text in both languages.
    """
    return {
        "rehearsal": _closed(
            "How an upgrade is tried on a copy first: the client runs below another root. 升级前在副本上演练。",
            ["copy"],
            copy=_texts("Folders and files that make up the copy. 组成副本的文件夹和文件。"),
            exclude=_texts("Names that are left out. 排除的名称。"),
            settings={
                "type": "array",
                "description": "What keeps the copy to itself; `{port}` is a free port. 使副本与外界隔离的设置。",
                "items": _closed(
                    "",
                    ["module", "with", "field", "value"],
                    module={"type": "string"},
                    **{"with": {"type": "object"}},
                    field={"type": "string"},
                    value={},
                ),
            },
        ),
        "filing": _texts("Fields of the device's answer that nothing may move: report dates. 不得变动的报送日期字段。"),
        "support": _closed(
            "What a bundle for the service provider holds of this client. 支持包中该客户端的内容。",
            [],
            logs={
                "type": "array",
                "items": _closed("", ["path"], path={"type": "string"}, encoding={"type": "string"}),
                "description": "Text logs; their ends are taken. 文本日志，取末尾部分。",
            },
            people={
                "type": "object",
                "description": "Query of names and ids that are masked in logs. 日志中需遮盖的名称和税号。",
            },
        ),
        "screens": {
            "type": "object",
            "description": "What a person sees at each step of the printed procedure. 手工操作各步骤的预期画面。",
            "properties": dict.fromkeys(SCREENS, label),
            "additionalProperties": False,
        },
    }


def _closed(description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if description:
        schema["description"] = description
    return {**schema, "additionalProperties": False}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def care_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return these parts of a profile as fields of a `Product`."""
    return {
        "rehearsal": data.get("rehearsal"),
        "filing": tuple(data.get("filing", ())),
        "support": data.get("support", {}),
        "screens": data.get("screens", {}),
    }
