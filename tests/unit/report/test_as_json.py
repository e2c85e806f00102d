from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from plan_strategies import ERRORS, PLANS, RUNS, SECRET
from report_samples import PASSWORD, rich_plan, rich_run

from guiwei.errors import GuiweiError, InputError, Place
from guiwei.model.inventory import Notice
from guiwei.model.plan import Change, HostPlan, InstancePlan, Mismatch, Plan, Stage, Step
from guiwei.model.run import CheckResult, Event, HostResult, InstanceResult, RunResult, StepResult
from guiwei.report.as_json import to_json
from guiwei.report.output_schemas import output_schemas
from guiwei.report.words import Words
from guiwei.target.secret import MASK, Secret

SCHEMAS = output_schemas()


def check(name: str, value: Any, lang: str = "en") -> Any:
    """Convert, validate, and return what another program reads."""
    read = json.loads(json.dumps(to_json(value, Words(lang)), ensure_ascii=False))
    Draft202012Validator(SCHEMAS[name]).validate(read)
    return read


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_a_schema_is_one_and_stands_alone(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    text = json.dumps(SCHEMAS[name])
    for part in SCHEMAS[name].get("$defs", {}):
        assert f"#/$defs/{part}" in text


def test_a_plan_and_a_run_are_what_their_schemas_say() -> None:
    plan, run = check("plan", rich_plan()), check("run", rich_run())
    assert [host["host"] for host in plan["hosts"]][12:14] == ["hq-01", "pc41.branch"]
    assert plan["hosts"][0]["counts"] == {"add": 0, "change": 4, "remove": 0, "run": 1, "maybe": 2}
    assert run["hosts"][0]["instances"][0]["checks"][2]["error"]["code"] == "command-timeout"


@pytest.mark.parametrize("value", [rich_plan(), rich_run()])
def test_secrets_and_keys_stay_out(value: Any) -> None:
    text = json.dumps(to_json(value, Words("en")), ensure_ascii=False)
    assert PASSWORD not in text
    assert "00" * 32 not in text
    assert MASK in text


def test_secrets_in_wire_form_and_fingerprints_are_masks() -> None:
    value = {"a": {"$secret": "geheim"}, "b": [{"hmac": "ab" * 32}], "c": {"d": Secret("geheim")}}
    assert to_json(value, Words("en")) == {"a": MASK, "b": [MASK], "c": {"d": MASK}}


def test_an_error_is_code_message_fix_place_and_arguments() -> None:
    error = InputError("path-not-absolute", Place("a.yml", 3, 7), path="税/x")
    assert check("error", error, "zh") == {
        "code": "path-not-absolute",
        "message": "税/x 不是绝对路径。",
        "fix": "请写完整路径，且不含 `..`。",
        "place": {"file": "a.yml", "line": 3, "column": 7},
        "args": {"path": "税/x"},
    }
    assert check("error", Notice("no-such-code"))["message"] == "no-such-code"


def test_errors_and_dataclasses_inside_other_values_are_converted() -> None:
    told = to_json(
        {"errors": {"pc1": InputError("disk-full", path="/x")}, "hosts": [rich_plan().hosts[-1]]}, Words("en")
    )
    assert told["errors"]["pc1"]["code"] == "disk-full"
    assert told["hosts"][0]["status"] == "unchanged"


def test_an_event_is_what_its_schema_says() -> None:
    assert check("event", Event("end", "pc1", {"outcome": HostResult("pc1", "changed")}))["data"]["outcome"]["status"]


#: Fields that stay on the controller: a key, what the agent is asked, and what a plan file keeps for `apply`.
#: What steps are expected to take is told as sums. Of a secret given in vain the history keeps a count of tries.
KEPT = {
    "Plan": {"key"},
    "HostPlan": {"observing", "desired", "expected"},
    "Step": {"unless", "tries_left"},
    "StepResult": {"resource", "tries_left"},
    "HostResult": {"pc_id"},
}


@pytest.mark.parametrize(
    "cls",
    [Plan, HostPlan, InstancePlan, Mismatch, Stage, Step, Change]
    + [RunResult, HostResult, StepResult, InstanceResult, CheckResult, Event],
)
def test_every_field_of_the_model_is_told_or_kept_on_purpose(cls: type) -> None:
    samples = {type(part): part for value in (rich_plan(), rich_run(), Event("begin", "x")) for part in parts(value)}
    told = to_json(samples[cls], Words("en"))
    names = {field.name for field in dataclasses.fields(cls)}
    assert names - set(told) == KEPT.get(cls.__name__, set())


def parts(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)) and not isinstance(value, Place):
        return [part for item in value for part in parts(item)]
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [value, *(part for field in fields for part in parts(getattr(value, field.name)))]
    return []


@given(PLANS)
@settings(max_examples=40, deadline=None)
def test_any_plan_is_valid_and_without_secrets(plan: Plan) -> None:
    text = json.dumps(check("plan", plan), ensure_ascii=False)
    assert SECRET not in text
    assert plan.key not in text


@given(RUNS)
@settings(max_examples=40, deadline=None)
def test_any_run_is_valid_and_without_secrets(run: RunResult) -> None:
    assert SECRET not in json.dumps(check("run", run), ensure_ascii=False)


@given(ERRORS)
def test_any_error_is_valid(error: GuiweiError) -> None:
    assert SECRET not in json.dumps(check("error", error), ensure_ascii=False)
