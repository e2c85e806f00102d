"""What `--json` prints is one document, of the shape that programs are promised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from lantai_support import TAXPAYERS, Shop, open_shop, valid
from scenario_bench import Bench
from scenario_cases import Run

from guiwei.report.output_schemas import output_schemas
from lab.lantai.upload_server import UploadServer

TEXT: Mapping[str, Any] = {"type": "string"}
STATUSES: Mapping[str, Any] = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}


def closed(**properties: Any) -> dict[str, Any]:
    """An object with exactly these keys."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


RUN = {
    "id": {"type": "string", "pattern": r"^\d{8}T\d{6}-[0-9a-f]{6}$"},
    "command": TEXT,
    "playbook": TEXT,
    "reason": {"type": ["string", "null"]},
    "started": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    "finished": {"type": ["string", "null"]},
    "plan": TEXT,
    "who": TEXT,
    "statuses": STATUSES,
}
INVOICE = closed(**dict.fromkeys(
    ("run", "host", "instance", "number", "kind", "month", "amount", "tax", "status"), TEXT))  # fmt: skip
#: Another branch's client: no two PCs have one disk.
OTHER = [{"taxpayer": TAXPAYERS[2], "machine": 0, "orgcode": "990100", "disk": "009912345679"}]
ERRORS = {"type": "object", "additionalProperties": {"$ref": "#/$defs/error"}}
BACKUP = {
    "type": "object",
    "required": ["host", "backup", "label", "made", "note"],
    "properties": {"host": TEXT, "backup": TEXT, "label": TEXT, "made": TEXT, "note": {"type": "object"}},
}


def fits(document: Any, schema: Mapping[str, Any]) -> Any:
    """Check a document against a schema that may refer to the parts of a run's."""
    schema = {**schema, "$defs": output_schemas()["run"]["$defs"]}
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    return document


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, "3.0.0", running=True)
    bureau = bench.undo.enter_context(UploadServer())
    made.play(
        {
            "software": {"version": "3.1.0"},
            "disk": {"registered": True},
            "parameters": {"upload_address": bureau.url},
        }
    )
    made.hosts["gone"] = {"ansible_connection": "local", "ansible_python_interpreter": "/nowhere/python3",
                          "guiwei_state_dir": "/nowhere/state", "instances": OTHER}  # fmt: skip
    return made


def test_every_document_of_one_life(shop: Shop) -> None:
    plan = shop.plan(code=5)
    assert [host["status"] for host in plan["hosts"]] == ["differs", "failed"]
    applied = shop.apply("--issue", code=5)
    assert [host["status"] for host in applied["hosts"]] == ["changed", "failed"]
    (instance,) = applied["hosts"][0]["instances"]
    assert instance["reconciled"] is True
    assert all(check["ok"] for check in instance["checks"])

    code, verified = shop.json("verify", "play.yml")
    assert (code, valid("run", verified)["command"]) == (5, "verify")
    code, backup = shop.json("backup", "play.yml", "-l", "pc1")
    assert (code, valid("run", backup)["command"]) == (0, "backup")

    listed = fits(run(shop, "runs"), closed(runs={"type": "array", "items": closed(**RUN)}))["runs"]
    assert [each["command"] for each in listed] == ["backup", "verify", "apply"]
    assert listed[2]["statuses"] == {"changed": 1, "failed": 1}
    host = closed(run=TEXT, host=TEXT, status=TEXT, seconds={"type": "number"}, result={"$ref": "#/$defs/host_result"})
    one = run(shop, "runs", applied["run"])
    fits(one, closed(**RUN, hosts={"type": "array", "items": host}, invoices={"type": "array", "items": INVOICE}))
    assert {each["host"]: each["result"] for each in one["hosts"]} == {each["host"]: each for each in applied["hosts"]}
    assert [each["number"] for each in one["invoices"]] == [each["number"] for each in instance["invoices"]]

    code, backups = shop.json("backups")
    fits(backups, closed(backups={"type": "array", "items": BACKUP, "minItems": 2}, errors=ERRORS))
    assert (code, {each["host"] for each in backups["backups"]}, list(backups["errors"])) == (5, {"pc1"}, ["gone"])
    code, facts = shop.json("facts")
    fits(facts, closed(facts={"type": "object", "additionalProperties": {"type": "object"}}, errors=ERRORS))
    assert (code, list(facts["facts"]), list(facts["errors"])) == (5, ["pc1"], ["gone"])

    code, rolled_back = shop.json("rollback", backup["run"], "-l", "pc1")
    assert (code, valid("run", rolled_back)["command"]) == (0, "rollback")
    code, restored = shop.json("restore", backups["backups"][-1]["backup"], "play.yml", "-l", "pc1", "--yes")
    assert (code, valid("run", restored)["command"]) == (0, "restore")


def run(shop: Shop, *words: str) -> Any:
    """Run a command that needs no inventory."""
    result = shop._run(*words, "--json")
    assert result.code == 0, result
    return json.loads(result.out)


def test_the_inventory_is_ansibles(shop: Shop) -> None:
    code, listed = shop.json("inventory")
    assert code == 0
    fits(listed, {
        "type": "object",
        "required": ["_meta", "all"],
        "properties": {"_meta": closed(hostvars={"type": "object"}, **(
            {"profile": TEXT} if "profile" in listed["_meta"] else {}))},
        "additionalProperties": {"type": "object", "properties": {"hosts": {"type": "array", "items": TEXT},
                                                                  "children": {"type": "array", "items": TEXT}}},
    })  # fmt: skip
    assert set(listed["_meta"]["hostvars"]) == {"pc1", "gone"}


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "nowhere.yml"),
        ("apply", "play.yml", "-l", "nobody"),
        ("verify", "nowhere.yml"),
        ("restore", "no-such-backup", "play.yml", "--yes", "-l", "pc1"),
        ("rollback", "no-such-run"),
        ("facts", "-l", "nobody"),
        ("backups", "-l", "nobody"),
        ("inventory", "-l", "nobody"),
    ],
    ids=lambda words: words[0],
)
def test_an_error_is_a_document_too(shop: Shop, words: tuple[str, ...]) -> None:
    code, document = shop.json(*words)
    assert code == 2
    valid("error", document)
    assert not document["message"].startswith(document["code"])


def test_the_schemas_themselves_are_sound() -> None:
    for schema in output_schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)
