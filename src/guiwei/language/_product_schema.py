"""What a product profile may say: the schema behind `schemas/product.json`."""

from __future__ import annotations

from typing import Any

from guiwei.invoicing.parameters import TYPES
from guiwei.invoicing.stored import FORMS_STORED
from guiwei.language._device_schema import device_schema
from guiwei.language._product_care import care_schema
from guiwei.language._product_upkeep import released_schema, upkeep_schema
from guiwei.language._recovery_schema import recovery_schema

__all__ = ["PRODUCT_SCHEMA"]

_LABEL = {
    "type": "object",
    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
    "required": ["en", "zh"],
    "additionalProperties": False,
}
_STORED = {
    "type": "object",
    "description": "How the value is written there, where that is not its own form. 值在该处的写法。",
    "properties": {
        "as": {"enum": list(FORMS_STORED), "description": "What it is written as. 写成何种类型。"},
        "map": {"type": "object", "description": "Value to what is written for it. 值与写法的对应。"},
        "join": {"type": "string", "minLength": 1, "description": "Between several. 多个值之间的分隔。"},
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "How many of there make one: 100 for fen. 换算倍数，分为 100。",
        },
    },
    "minProperties": 1,
    "additionalProperties": False,
}
_READING_FIELDS = {
    "module": {"type": "string", "description": "Resource type that reads it. 用于读取的资源类型。"},
    "with": {"type": "object", "description": "Its key and option fields. 其键与选项字段。"},
    "field": {"type": "string", "description": "Field of what it reads, dots into mappings. 读取结果中的字段。"},
    "stored": _STORED,
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
        "given": {
            "type": ["string", "array"],
            "items": {"type": "string"},
            "minItems": 1,
            "description": "Variables that go to standard input, a line each. 经标准输入传入的变量，每个一行。",
        },
        "timeout": {"type": "number", "description": "Seconds. 秒。"},
        "tries": {
            "description": "What counts the tries left, a field of the device's answer or a reading; with one left "
            "nothing is given. 剩余尝试次数（设备字段或读取）；仅剩一次时不再尝试。",
            "oneOf": [{"type": "string"}, _READING],
        },
        "full": {
            "type": "integer",
            "minimum": 1,
            "description": "How many tries there are at first; with fewer, a wrong one was given before, and nothing "
            "is given. 最多可尝试的次数；已有人输错时不再尝试。",
        },
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
        "expect": {
            "type": "object",
            "minProperties": 1,
            "description": "Field to its good value; state: present wants it to be there. 字段与应有的值。",
        },
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
        "device_usb": device_schema(),
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
                    "device_stored": _STORED,
                    "identity": {"type": "string"},
                    "copies": {"type": "array", "items": _READING},
                    "restart": {"type": "boolean"},
                    "risk": {"enum": ["ordinary", "professional"]},
                    "when_true": {"type": "string"},
                    "compare": {
                        "enum": ["equal", "at_least"],
                        "description": "`at_least`: a later value is as good. at_least：更晚的值同样满足。",
                    },
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
        "busy": {
            "type": "object",
            "description": "What shows that somebody is working with the client. 表明客户端正在被使用的读取。",
            "properties": {
                "label": _LABEL,
                **_READING_FIELDS,
                "value": {"description": "What it says then; `true` by default. 此时的值，默认 true。"},
                "stop": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "description": "Command that stops it even so, once its user agreed. 用户同意后的停止命令。",
                },
            },
            "required": ["module", "with", "field"],
            "additionalProperties": False,
        },
        "software": {
            "type": "object",
            "properties": {
                "version": _READING,
                "data_version": _READING,
                "package": {"type": "object"},
                "source": {"type": "string", "pattern": r"\{version\}"},
                "released": released_schema(),
                "versions": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "from": {"type": "array", "items": {"type": "string"}},
                            "one_way": {"type": "boolean"},
                            "reactivate": {"type": "boolean"},
                            "data": {
                                "type": "string",
                                "description": "What data_version reads then, if not the version. 数据版本的写法。",
                            },
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
            "required": ["version"],
            # What an upgrade needs is there as a whole, or not at all. 升级所需的各项要么齐全，要么都没有。
            "dependentRequired": {
                "package": ["data_version", "source", "versions"],
                "source": ["package"],
                "versions": ["package"],
            },
            "additionalProperties": False,
        },
        "drivers": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "label": _LABEL,
                    "version": _READING,
                    "package": {"type": "object"},
                    "source": {"type": "string", "pattern": r"\{version\}"},
                    "versions": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    "released": released_schema(),
                },
                "required": ["label", "version", "package", "source", "versions"],
                "additionalProperties": False,
            },
        },
        "recovery": recovery_schema(_ACTION),
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
        **care_schema(_LABEL),
        **upkeep_schema(_LABEL),
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
                        "answer": {
                            "type": "object",
                            "additionalProperties": {
                                "type": ["string", "object"],
                                "properties": {"field": {"type": "string"}, "stored": _STORED},
                                "required": ["field"],
                                "additionalProperties": False,
                            },
                        },
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
