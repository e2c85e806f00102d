"""JSON Schemas and explanations, generated from the one definition of every field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guiwei.language._arguments import FieldType, module_names, type_of
from guiwei.language._playbook_schema import inventory_schema, playbook_schema, state_schema
from guiwei.language._policy_schema import policies_schema
from guiwei.target.contract import PRESENCE, FieldSpec, fields_of, find_type

__all__ = ["argument_schema", "explain", "module_names", "schemas", "write_schemas"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Where a value is expected, a text with a template may stand instead: what it gives is checked when it is rendered.
_TEMPLATE = {"type": "string", "pattern": r"\{\{|\{%"}


def explain(module: str, lang: str = "en") -> dict[str, Any]:
    """Return what a resource type is and what its fields mean.

    Args:
        lang: `en` or `zh`.

    Returns:
        `name`, `kind` (lens, probe or action), `summary`, `undo` (images, state, or none: irreversible) and `fields`,
        each with `name`, `type`, `role` (key, option, value or supply), `required`, `default`, `doc`, `choices`,
        `pattern`, `example`, `secret` and `volatile`; JSON values all.

    Raises:
        ResourceError: there is no such type (`module-unknown`).
    """
    cls = find_type(module)
    return {
        "name": module,
        "kind": cls.kind,
        "summary": cls.summary_zh if lang == "zh" else cls.summary,
        "undo": cls.undo,
        "fields": [_explain_field(spec, lang) for spec in fields_of(cls)],
    }


def _explain_field(spec: FieldSpec, lang: str) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": _type_name(type_of(spec.annotation)),
        "role": spec.role,
        "required": spec.required,
        "default": spec.default,
        "doc": spec.zh if lang == "zh" else spec.doc,
        "choices": list(spec.choices or ()),
        "pattern": spec.pattern,
        "example": spec.example,
        "secret": spec.secret,
        "volatile": spec.volatile,
    }


def _type_name(wanted: FieldType) -> str:
    if wanted.kind in ("array", "object") and wanted.item is not None:
        name = "list" if wanted.kind == "array" else "mapping"
        return name if wanted.item.kind == "any" else f"{name} of {_type_name(wanted.item)}"
    return wanted.kind


def argument_schema(module: str) -> dict[str, Any]:
    """Return the JSON Schema of what stands below a resource type in a task.

    Raises:
        ResourceError: there is no such type.
    """
    cls = find_type(module)
    specs = fields_of(cls)
    properties: dict[str, Any] = {spec.name: _field_schema(spec) for spec in specs}
    if cls.kind == "lens" and PRESENCE not in properties:
        properties[PRESENCE] = {
            "description": "`absent`: it must not be there.\n`absent` 表示不应存在。",
            "enum": ["present", "absent"],
            "default": "present",
        }
    schema: dict[str, Any] = {
        "title": module,
        "description": f"{cls.summary}\n{cls.summary_zh}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    required = [spec.name for spec in specs if spec.required]
    if required:
        schema["required"] = required
    else:
        schema["type"] = ["object", "null"]
    return schema


def _field_schema(spec: FieldSpec) -> dict[str, Any]:
    kind = type_of(spec.annotation)
    schema: dict[str, Any] = {"description": f"{spec.doc}\n{spec.zh}"}
    if spec.choices is not None:
        schema["anyOf"] = [{"enum": list(spec.choices)}, _TEMPLATE]
    elif spec.pattern is not None and kind.kind == "string":
        schema["anyOf"] = [{"type": "string", "pattern": spec.pattern}, _TEMPLATE]
    else:
        schema |= _type_schema(kind)
    if not spec.required:
        # Nothing (`mode:` alone, `default(omit)`) is the same as not being written.
        schema = {**schema, **_nullable(schema)}
    if spec.default is not None:
        schema["default"] = spec.default
    if spec.example is not None:
        schema["examples"] = [spec.example]
    return schema


def _type_schema(wanted: FieldType) -> dict[str, Any]:
    if wanted.kind == "any":
        return {}
    if wanted.kind == "string":
        return {"type": "string"}
    inner: dict[str, Any] = {"type": wanted.kind}
    if wanted.item is not None:
        below = _type_schema(wanted.item)
        if below:
            inner["items" if wanted.kind == "array" else "additionalProperties"] = below
    return {"anyOf": [inner, _TEMPLATE]}


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" in schema:
        return {"type": [schema["type"], "null"]}
    return {}


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file."""
    arguments = {module: argument_schema(module) for module in module_names()}
    found: dict[str, dict[str, Any]] = {
        f"resource-{module}.json": {"$schema": _DIALECT, **schema} for module, schema in arguments.items()
    }
    summaries = {module: (find_type(module).summary, find_type(module).summary_zh) for module in arguments}
    found["playbook.json"] = {"$schema": _DIALECT, **playbook_schema(arguments, summaries)}
    found["policies.json"] = {"$schema": _DIALECT, **policies_schema(state_schema())}
    found["inventory.json"] = {"$schema": _DIALECT, **inventory_schema()}
    return found


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into a folder, and remove those of resource types that are no more.

    Returns:
        The files, sorted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / name: schema for name, schema in schemas().items()}
    for path in folder.glob("resource-*.json"):
        if path not in wanted:
            path.unlink()
    for path, schema in wanted.items():
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return sorted(wanted)
