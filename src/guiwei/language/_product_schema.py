"""What a product profile may say: the schema behind `schemas/product.json`."""

from __future__ import annotations

from typing import Any

from guiwei.invoicing.parameters import TYPES

__all__ = ["PRODUCT_SCHEMA"]

_LABEL = {
    "type": "object",
    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
    "required": ["en", "zh"],
    "additionalProperties": False,
}
_READING_FIELDS = {
    "module": {"type": "string", "description": "Resource type that reads it. 用于读取的资源类型。"},
    "with": {"type": "object", "description": "Its key and option fields. 其键与选项字段。"},
    "field": {"type": "string", "description": "Field of what it reads, dots into mappings. 读取结果中的字段。"},
}
_READING = {
    "type": "object",
    "properties": _READING_FIELDS,
    "required": ["module", "with", "field"],
    "additionalProperties": False,
}
_ACTION = {
    "type": "object",
    "properties": {
        "argv": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "given": {"type": "string", "description": "Variable that goes to standard input. 经标准输入传入的变量。"},
        "timeout": {"type": "number", "description": "Seconds. 秒。"},
    },
    "required": ["argv"],
    "additionalProperties": False,
}
_CHECK = {
    "type": "object",
    "properties": {
        "label": _LABEL,
        "module": {"type": "string"},
        "with": {"type": "object"},
        "expect": {"type": "object"},
    },
    "required": ["module", "with", "expect"],
    "additionalProperties": False,
}

PRODUCT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "guiwei product profile / 产品描述",
    "description": "How one invoicing client keeps version, parameters, disk and data.",
    "type": "object",
    "properties": {
        "product": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
        "title": _LABEL,
        "verified": {"type": "boolean", "description": "Whether it was checked on the real client. 是否经实机验证。"},
        "instance": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "fields": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "type": {"enum": sorted(TYPES)},
                            "required": {"type": "boolean"},
                            "label": _LABEL,
                        },
                        "required": ["type"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["id", "fields"],
            "additionalProperties": False,
        },
        "define": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": r"^(facts|instance)\.\w+$"},
                    "text": {"type": "string"},
                    "default": {},
                    **_READING_FIELDS,
                },
                "required": ["name"],
                "additionalProperties": False,
            },
        },
        "present": _READING,
        "device": _READING,
        "parameters": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "label": _LABEL,
                    "type": {"enum": sorted(TYPES)},
                    "kind": {"enum": ["settable", "asserted", "mirrored"]},
                    "device": {"type": "string"},
                    "identity": {"type": "string"},
                    "copies": {"type": "array", "items": _READING},
                    "restart": {"type": "boolean"},
                    "risk": {"enum": ["ordinary", "professional"]},
                    "when_true": {"type": "string"},
                    "write": _ACTION,
                    **_READING_FIELDS,
                },
                "required": ["path", "label", "type", "kind"],
                "additionalProperties": False,
            },
        },
        "service": {
            "type": "object",
            "properties": {"module": {"const": "service"}, "with": {"type": "object"}},
            "required": ["module", "with"],
            "additionalProperties": False,
        },
        "software": {
            "type": "object",
            "properties": {
                "version": _READING,
                "data_version": _READING,
                "package": {"type": "object"},
                "source": {"type": "string", "pattern": r"\{version\}"},
                "versions": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "from": {"type": "array", "items": {"type": "string"}},
                            "one_way": {"type": "boolean"},
                            "reactivate": {"type": "boolean"},
                        },
                        "additionalProperties": False,
                    },
                },
                "activation": {
                    "type": "object",
                    "properties": {**_READING_FIELDS, "good": {}, "write": _ACTION},
                    "required": ["module", "with", "field", "good", "write"],
                    "additionalProperties": False,
                },
            },
            "required": ["version", "data_version", "package", "source", "versions"],
            "additionalProperties": False,
        },
        "backup": {
            "type": "object",
            "properties": {
                "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "exclude": {"type": "array", "items": {"type": "string"}},
                "values": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"module": {"type": "string"}, "with": {"type": "object"}},
                        "required": ["module", "with"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["paths"],
            "additionalProperties": False,
        },
        "ledger": {"type": "object"},
        "verify": {
            "type": "object",
            "properties": {
                "ready": {"type": "object", "additionalProperties": _CHECK},
                "issue": {
                    "type": "object",
                    "properties": {
                        "login": _ACTION,
                        "issue": _ACTION,
                        "void": _ACTION,
                        "answer": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                    "required": ["issue", "void", "answer"],
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    },
    "required": ["product", "title", "instance", "parameters"],
    "additionalProperties": False,
}
