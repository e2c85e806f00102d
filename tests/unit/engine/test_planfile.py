"""Saved plans: what is loaded is what was saved, secrets as fingerprints; what was changed in between is refused."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.engine.planfile import fill_secrets, load_plan, save_plan
from guiwei.errors import GateError, GuiweiError, InputError, Place, ResourceError
from guiwei.model.plan import Change, HostPlan, InstancePlan, Mismatch, Plan, Sealed, Stage, Step
from guiwei.model.run import STATUSES
from guiwei.target.secret import Secret

SECRET = "5ecret-税-0x7fb1c2"
KEY = "5e" * 32

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
#: A user's own names that look like the file's marks.
KEYS = NAMES | st.sampled_from(["$secret", "$place", "$error", "$", "$$secret", "hmac", "digest"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.just(Secret(SECRET))
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=4
)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=2)
LABELS = st.just({}) | st.fixed_dictionaries({"en": NAMES, "zh": NAMES})
PLACES = st.none() | st.builds(Place, NAMES, st.integers(1, 99), st.integers(1, 99))
ERRORS = st.none() | st.builds(
    lambda kind, place, path: kind("plan-stale", place, path=path),
    st.sampled_from([GateError, ResourceError]),
    PLACES,
    NAMES,
)
STATUS = st.sampled_from(STATUSES)
CHANGES = st.builds(Change, NAMES, VALUES, VALUES, PLACES, cause=st.sampled_from(["drift", "new"]), label=LABELS)
STEPS = st.builds(
    Step,
    id=NAMES,
    resource=NAMES,
    module=NAMES,
    name=NAMES,
    reading=MAPPINGS,
    state=st.none() | MAPPINGS,
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    guards=st.none() | MAPPINGS,
    instance=st.none() | NAMES,
    place=PLACES,
    irreversible=st.booleans(),
    requires=st.none() | NAMES,
    when_changed=st.none() | st.lists(NAMES, max_size=2).map(tuple),
    known_after=st.none() | st.integers(1, 9),
    handler=st.none() | NAMES,
    notify=st.lists(NAMES, max_size=2).map(tuple),
    proof=st.none() | MAPPINGS,
    label=LABELS,
)
STAGES = st.builds(
    Stage, st.integers(0, 9), NAMES, st.lists(STEPS, max_size=2).map(tuple), st.none() | NAMES,
    st.none() | st.tuples(NAMES, NAMES),
)  # fmt: skip
INSTANCES = st.builds(
    InstancePlan,
    NAMES,
    STATUS,
    NAMES,
    ERRORS,
    st.lists(st.builds(Mismatch, NAMES, VALUES, VALUES, st.just("device"), PLACES, LABELS), max_size=1).map(tuple),
    st.lists(MAPPINGS, max_size=2).map(tuple),
    MAPPINGS,
)
HOSTS = st.builds(
    HostPlan,
    host=NAMES,
    status=STATUS,
    stages=st.lists(STAGES, max_size=2).map(tuple),
    instances=st.lists(INSTANCES, max_size=2).map(tuple),
    error=ERRORS,
    seconds=st.floats(0, 100),
    facts=MAPPINGS,
    artifacts=st.dictionaries(NAMES, NAMES, max_size=1),
    desired=st.dictionaries(KEYS, MAPPINGS, max_size=1),
    observing=MAPPINGS,
)
PLANS = st.builds(
    Plan, NAMES, NAMES, NAMES, st.lists(HOSTS, max_size=2).map(tuple), st.just(KEY), st.none() | NAMES, MAPPINGS
)


def told(value: Any) -> Any:
    """A plan as comparable values: an error by what it says, a secret by its fingerprint."""
    if isinstance(value, Secret):
        return Sealed(value.fingerprint(bytes.fromhex(KEY)))
    if isinstance(value, GuiweiError):
        return value.to_wire()
    if isinstance(value, (Place, Sealed)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), {field.name: told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: told(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(item) for item in value]
    return value


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.json"


@given(PLANS)
def test_what_is_loaded_is_what_was_saved(path: Path, plan: Plan) -> None:
    saved = save_plan(plan, path)
    assert dataclasses.replace(saved, digest="") == plan
    assert told(load_plan(path)) == told(saved)
    assert SECRET not in path.read_text("utf-8")
    assert SECRET not in json.dumps(json.loads(path.read_text("utf-8")))


@given(PLANS, st.data())
def test_every_byte_counts(path: Path, plan: Plan, data: st.DataObject) -> None:
    saved = save_plan(plan, path)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
    refused, found = "", saved
    try:
        found = load_plan(path)
    except InputError as error:
        refused = error.code
    assert refused in ("", "plan-damaged", "plan-not-a-plan", "plan-format")
    # Another spelling of the same number (1e-05, 1E-05) is the same plan.
    assert told(found) == told(saved)


@given(PLANS, st.data())
def test_half_a_file_is_no_plan(path: Path, plan: Plan, data: st.DataObject) -> None:
    save_plan(plan, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])
    with pytest.raises(InputError, match="plan-not-a-plan"):
        load_plan(path)


def example(state: Mapping[str, Any] | None = None) -> Plan:
    step = Step("file[path=/a]", "file[path=/a]", "file", "motd", {"path": "/a"}, state or {"content": Secret(SECRET)})
    host = HostPlan("pc1", "differs", (Stage(1, "converge", (step,)),), artifacts={"ab": "/x"}, facts={"os": "old"})
    return Plan("run1", "play.yml", "2026-11-24T06:00:00Z", (host,), KEY)


def test_a_saved_plan_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    os.umask(os.umask(0))
    save_plan(example(), path)
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(InputError) as wrong:
        save_plan(example(), tmp_path / "plan.json")
    assert wrong.value.code == "file-unwritable"
    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]


def test_the_same_plan_has_the_same_hash(tmp_path: Path) -> None:
    one, two = (save_plan(example(), tmp_path / name) for name in ("a", "b"))
    assert one.digest == two.digest
    assert save_plan(example({"content": Secret("another")}), tmp_path / "c").digest != one.digest


def test_secrets_come_from_the_fresh_plan(tmp_path: Path) -> None:
    save_plan(example(), tmp_path / "plan.json")
    saved = load_plan(tmp_path / "plan.json").hosts[0]
    assert isinstance((saved.steps[0].state or {})["content"], Sealed)
    fresh = dataclasses.replace(example().hosts[0], artifacts={"ab": "/y"}, facts={"os": "new"})
    filled = fill_secrets(saved, fresh)
    assert filled.steps[0].state == {"content": Secret(SECRET)}
    assert (filled.artifacts, filled.facts) == ({"ab": "/y"}, {"os": "new"})


def test_what_is_no_longer_needed_goes(tmp_path: Path) -> None:
    save_plan(example(), tmp_path / "plan.json")
    saved = load_plan(tmp_path / "plan.json").hosts[0]
    assert fill_secrets(saved, HostPlan("pc1", "unchanged")).steps == ()
