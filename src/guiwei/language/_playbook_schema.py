"""The JSON Schemas of playbooks and inventories, as an editor's YAML language server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.language._policy_schema import gate_properties, policy_properties

__all__ = ["inventory_schema", "playbook_schema", "state_schema"]

_WORDS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_VARS = {
    "description": "Variables; they may hold templates.\n变量，可以使用模板。",
    "type": ["object", "null"],
    "examples": [{"backup_folder": "/var/lib/guiwei/backups"}],
}
_TAGS = {
    **_WORDS,
    "description": "Tags for `--tags` and `--skip-tags`; `always` and `never` as in Ansible.\n"
    "标签，用于 --tags 和 --skip-tags。",
    "examples": ["upgrade", ["network", "always"]],
}


def playbook_schema(
    arguments: Mapping[str, dict[str, Any]], summaries: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Return the schema of a playbook.

    Args:
        arguments: resource type → schema of its arguments.
        summaries: resource type → English and Chinese.
    """
    definitions: dict[str, Any] = {f"resource-{module}": schema for module, schema in arguments.items()}
    definitions["task"] = _task(summaries)
    definitions["handler"] = {
        "allOf": [{"$ref": "#/$defs/task"}, {"required": ["name"]}],
        "description": "Runs once at the end if a task that notifies it changed something.\n"
        "有任务通知且发生更改时，在最后执行一次。",
    }
    definitions["policy"] = policy_properties(state_schema())
    definitions["play"] = _play()
    return {
        "title": "guiwei playbook / 归位剧本",
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/play"},
        "$defs": definitions,
    }


def _task(summaries: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "name": {
            "description": "What it is for; shown in plan and report.\n用途，显示在计划和报告中。",
            "type": "string",
        },
        "when": {
            "description": "Conditions without braces that must all be true; they see variables, facts and "
            "observations.\n条件（不带花括号），全部为真才执行；可用变量、facts 和 observed。",
            "anyOf": [
                {"type": ["string", "boolean"]},
                {"type": "array", "items": {"type": ["string", "boolean"]}},
            ],
            "examples": ["facts.system == 'linux'"],
        },
        "loop": {
            "description": "One resource for each item, over variables alone.\n对每一项声明一个资源，只能使用变量。",
            "anyOf": [{"type": "array"}, {"type": "string", "pattern": r"\{\{|\{%"}],
        },
        "loop_control": {
            "description": "`loop_var`: the item's name instead of `item`.\nloop_var：循环变量名，默认 item。",
            "type": "object",
            "properties": {"loop_var": {"type": "string", "default": "item"}},
            "additionalProperties": False,
        },
        "tags": _TAGS,
        "notify": {**_WORDS, "description": "Handlers to run if this changes something.\n发生更改时要通知的处理器。"},
        "vars": _VARS,
    }
    for module, (english, chinese) in summaries.items():
        properties[module] = {"$ref": f"#/$defs/resource-{module}", "description": f"{english}\n{chinese}"}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": [module]} for module in summaries],
    }


def _play() -> dict[str, Any]:
    properties: dict[str, Any] = {
        "name": {"description": "What the play is for.\n剧本片段的用途。", "type": "string"},
        "hosts": {
            **_WORDS,
            "description": "A host pattern as Ansible has it.\n主机模式，与 Ansible 相同。",
            "examples": ["all", "branches:!closed", ["east", "west"]],
        },
        "product": {
            "description": "The product profile that `state` is written in.\n产品配置名，state 按它解释。",
            "type": "string",
            "examples": ["lantai"],
        },
        "reason": {
            "description": "Why; shown to whoever approves, and recorded.\n原因，审批时显示并记录。",
            "type": "string",
        },
        "vars": _VARS,
        "vars_files": {
            "description": "Files of variables beside the playbook; may be encrypted.\n变量文件，可加密。",
            "type": "array",
            "items": {"type": "string"},
        },
        "tags": _TAGS,
        "tasks": {
            "description": "Resources, in order.\n资源，按顺序处理。",
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/task"},
        },
        "handlers": {"type": ["array", "null"], "items": {"$ref": "#/$defs/handler"}},
        "state": state_schema(),
        **gate_properties(),
        "verify": {
            "description": "How to prove that the PC can invoice.\n如何验证本机可以开票。",
            "type": "object",
            "properties": {
                "level": {
                    "description": "`ready` has no fiscal effect; `issue` issues one invoice and voids or red-flags "
                    "it.\nready 不产生税务影响；issue 开具一张发票并作废或红冲。",
                    "enum": ["ready", "issue"],
                    "default": "ready",
                }
            },
        },
    }
    return {
        "type": "object",
        "properties": properties,
        "required": ["hosts"],
        "additionalProperties": False,
        "dependentRequired": {"state": ["product"]},
    }


def state_schema() -> dict[str, Any]:
    """Return the schema of `state:`."""
    words = {
        "software": ("Version and driver.", "软件版本和驱动。", {"version": "3.1.0"}),
        "parameters": ("Parameters of the client.", "开票参数。", {"invoice_limit": "99999.99"}),
        "disk": ("The registered tax disk.", "已注册的税控盘。", {"registered": True}),
        "drivers": ("Drivers of the disk.", "税控盘驱动。", None),
        "data": ("Backup folder and cycle.", "备份位置和周期。", None),
        "authentication": (
            "Certificates and passwords of the client.",
            "客户端的证书与口令。",
            {"certificate": {"source": "开票证书.pfx", "password": "{{ certificate_file_password }}"}},
        ),
        "endpoints": (
            "Servers that must answer steadily.",
            "必须稳定应答的服务器。",
            {"upload": {"address": "https://skfp.example.cn:7008", "tries": 5, "loss": 0, "latency": 300}},
        ),
        "maintenance": (
            "Weekly backup, and how old versions may be, in days.",
            "每周备份，以及版本发布的最长天数。",
            {"backup": "weekly Mon 03:00", "driver_age": 730},
        ),
    }
    properties: dict[str, Any] = {}
    for word, (english, chinese, example) in words.items():
        properties[word] = {"description": f"{english}\n{chinese}"}
        if example is not None:
            properties[word]["examples"] = [example]
    return {
        "description": "The desired state of one instance, as the product's profile names it.\n"
        "一个开票实例的目标状态，由产品配置定义。",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def inventory_schema() -> dict[str, Any]:
    """Return the schema of a YAML inventory: Ansible's own format, with the variables that guiwei reads."""
    variables = {
        "ansible_host": ("Address to connect to.", "连接地址。", "string"),
        "ansible_port": ("SSH port.", "SSH 端口。", "integer"),
        "ansible_user": ("Login name.", "登录名。", "string"),
        "ansible_password": ("Login password; encrypt it with Vault.", "登录密码，请用 Vault 加密。", "string"),
        "ansible_become": ("Act as root.", "以 root 身份执行。", "boolean"),
        "ansible_connection": ("`ssh` or `local`.", "ssh 或 local。", "string"),
        "guiwei_root": ("A prefix of every path on the PC.", "本机所有路径的前缀。", "string"),
        "guiwei_state_dir": ("Where guiwei keeps its state on the PC.", "归位在本机保存状态的目录。", "string"),
    }
    known = {
        name: {
            "description": f"{english}\n{chinese}",
            "anyOf": [{"type": kind}, {"type": "string", "pattern": r"\{\{|\{%|^\$ANSIBLE_VAULT"}],
        }
        for name, (english, chinese, kind) in variables.items()
    }
    known["instances"] = {
        "description": "The taxpayers that this PC invoices for; without it the host's own variables are the one "
        "instance.\n本机开票的纳税人；不写时以主机变量为唯一实例。",
        "anyOf": [
            {"type": "array", "items": {"type": "object"}},
            {"type": "string", "pattern": r"\{\{|\{%"},
        ],
    }
    return {
        "title": "guiwei inventory / 归位主机清单",
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/$defs/group"},
        "$defs": {
            "variables": {"type": ["object", "null"], "properties": known},
            "group": {
                "type": ["object", "null"],
                "properties": {
                    "hosts": {
                        "description": "Host names or ranges, each with its variables.\n主机名或范围及其变量。",
                        "anyOf": [
                            {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/variables"}},
                            {"type": "string"},
                        ],
                        "examples": [{"pc[01:20].branch": None}],
                    },
                    "vars": {"$ref": "#/$defs/variables"},
                    "children": {
                        "description": "Groups below this one.\n下级组。",
                        "anyOf": [
                            {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/group"}},
                            {"type": "string"},
                        ],
                    },
                },
            },
        },
    }
