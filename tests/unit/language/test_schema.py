"""Schemas: committed ones are fresh, and they say what the checks say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import guiwei
from guiwei.language._arguments import check_arguments, type_of
from guiwei.language.playbook import check_playbook
from guiwei.language.schema import argument_schema, explain, module_names, schemas, write_schemas
from guiwei.target.contract import fields_of, find_type

COMMITTED = Path(guiwei.__file__).parent / "schemas"


def test_committed_schemas_are_fresh(tmp_path: Path) -> None:
    (tmp_path / "resource-of_old.json").write_text("{}", encoding="utf-8")
    written = write_schemas(tmp_path)
    assert sorted(tmp_path.iterdir()) == written
    for path in written:
        committed = COMMITTED / path.name
        assert committed.is_file(), path.name
        assert committed.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), f"{path.name} is stale"
    assert sorted(COMMITTED.glob("resource-*.json")) == [
        COMMITTED / path.name for path in written if path.name.startswith("resource-")
    ]


def test_every_schema_is_one() -> None:
    for schema in schemas().values():
        Draft202012Validator.check_schema(schema)
        json.dumps(schema)


@pytest.mark.parametrize("module", module_names())
def test_every_field_is_described_and_typed(module: str) -> None:
    schema = argument_schema(module)
    for spec in fields_of(find_type(module)):
        type_of(spec.annotation)
        english, _, chinese = schema["properties"][spec.name]["description"].partition("\n")
        assert english
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese)
        assert (spec.name in schema.get("required", [])) == spec.required
        if spec.example is not None:
            validator = Draft202012Validator(schema["properties"][spec.name])
            assert list(validator.iter_errors(spec.example)) == []


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("file", {"path": "/a"}),
        ("file", {"path": "/a", "mode": "0644", "content": "x", "encoding": "gbk"}),
        ("file", {"path": "{{ a }}/b", "mode": "{{ mode }}", "encoding": "{{ e }}"}),
        ("file", {"path": "/a", "mode": None}),
        ("file", {"path": "/a", "mode": 644}),
        ("file", {"path": "/a", "mode": "644"}),
        ("file", {"path": "a"}),
        ("file", {"path": None}),
        ("file", {"content": "x"}),
        ("file", {"path": "/a", "nothing": 1}),
        ("file", {"path": "/a", "encoding": "klingon"}),
        ("tcp", {"host": "h", "port": 1, "timeout": 2}),
        ("tcp", {"host": "h", "port": "{{ p }}", "open": "{{ o }}"}),
        ("tcp", {"host": "h", "port": "1"}),
        ("tcp", {"host": "h", "port": 1.5}),
        ("tcp", {"host": "h", "port": True}),
        ("tcp", {"host": "h", "port": 1, "open": "yes"}),
        ("command", {"argv": ["a", "{{ b }}"], "success": [0, "{{ c }}"]}),
        ("command", {"argv": ["a", 1]}),
        ("command", {"argv": "a"}),
        ("command", {"argv": ["a"], "environment": {"A": "b"}}),
        ("command", {"argv": ["a"], "environment": ["A"]}),
        ("sqlite", {"path": "/a", "table": "t", "key": {"a": 1}, "row": {"b": None}}),
    ],
)
def test_schema_and_checks_agree(module: str, arguments: dict[str, Any]) -> None:
    by_schema = not list(Draft202012Validator(argument_schema(module)).iter_errors(arguments))
    by_check = not list(check_arguments(module, arguments, lambda path: None))
    assert by_schema == by_check


GOOD = """\
- hosts: [a, b]
  product: lantai
  vars: {x: 1}
  tags: a
  state: {software: {version: "3.1"}}
  verify: {level: ready}
  tasks:
    - file: {path: /a, state: absent}
    - name: n
      ini: {path: "{{ x }}", section: s, option: o, value: v}
      loop: "{{ y }}"
      when: [a, true]
      notify: [h]
    - tcp: {host: h, port: "{{ x }}"}
  handlers:
    - name: h
      command: {argv: [x]}
"""


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (("", ""), True),
        (("hosts: [a, b]", "host: a"), False),
        (("level: ready", "level: all"), False),
        (("  product: lantai\n", ""), False),
        (("software:", "sofware:"), False),
        (("- file:", "- copy:"), False),
        (("path: /a,", "path: a,"), False),
        (("    - tcp:", "    - register: x\n      tcp:"), False),
        (("      command:", "      file: {path: /z}\n      command:"), False),
        (("    - name: h\n      command", "    - command"), False),
        (("state: absent}", "state: gone}"), False),
    ],
)
def test_the_playbook_s_schema_agrees_with_the_loader(tmp_path: Path, change: tuple[str, str], good: bool) -> None:
    text = GOOD.replace(*change, 1) if change[0] else GOOD
    assert (text == GOOD) == (not change[0])
    path = tmp_path / "play.yml"
    path.write_text(text, encoding="utf-8")
    validator = Draft202012Validator(schemas()["playbook.json"])
    assert (not list(validator.iter_errors(yaml.safe_load(text)))) is good
    assert (not check_playbook(path)) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("all: {hosts: {a: , 'pc[01:20]': {ansible_port: 22}}, children: {g: {vars: {x: 1}}}}", True),
        ("g: {hosts: {a: {ansible_become: true, instances: [{taxpayer: x}]}}}", True),
        ("g: {hosts: {a: {ansible_port: [22]}}}", False),
        ("g: {hosts: [a]}", False),
        ("[a]", False),
    ],
)
def test_the_inventory_s_schema(text: str, good: bool) -> None:
    validator = Draft202012Validator(schemas()["inventory.json"])
    assert (not list(validator.iter_errors(yaml.safe_load(text)))) is good


def test_explanations() -> None:
    english, chinese = explain("file"), explain("file", "zh")
    assert english["name"] == "file"
    assert english["kind"] == "lens"
    path = english["fields"][0]
    assert (path["name"], path["type"], path["role"], path["required"]) == ("path", "string", "key", True)
    assert chinese["fields"][0]["doc"] != path["doc"]
    assert explain("command")["fields"][0]["type"] == "list of string"
    json.dumps([explain(module) for module in module_names()])
