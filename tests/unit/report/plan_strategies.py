"""Any plan and any run that the model can hold, sensible or not, with secrets in every place that may hold one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from guiwei.errors import GateError, GuiweiError, Place, ResourceError, UnreachableError
from guiwei.model.plan import Change, HostPlan, InstancePlan, Mismatch, Plan, Stage, Step
from guiwei.model.run import STATUSES, CheckResult, HostResult, InstanceResult, RunResult, StepResult
from guiwei.target.secret import Secret

#: Long enough that no other text holds it by chance.
SECRET = "5ecret-税-0x7fb1c2"

TEXTS = st.text(max_size=24) | st.sampled_from(
    ["", "税号", "a\nb\n", "\x1b[2J", "é" * 60, "/var/lib/兰台开票/a/b/c.ini"]
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
PLACES = st.none() | st.builds(Place, NAMES, st.integers(1, 9999), st.integers(1, 200))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(Secret(SECRET)) | st.binary(max_size=9)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=5,
)
MAPPINGS = st.dictionaries(NAMES, VALUES, max_size=2)
LABELS = st.just({}) | st.fixed_dictionaries({"en": TEXTS, "zh": TEXTS})
ERRORS: st.SearchStrategy[GuiweiError] = st.builds(
    lambda kind, code, place, args: kind(code, place, **args),
    st.sampled_from([GateError, ResourceError, UnreachableError]),
    st.sampled_from(["path-missing", "plan-stale", "no-such-code"]),
    PLACES,
    st.fixed_dictionaries({"path": VALUES, "step": TEXTS, "fields": VALUES}),
)
MAYBE_ERRORS = st.none() | ERRORS
STATUS = st.sampled_from(STATUSES)
ORIGINS = st.sampled_from(["playbook", "inventory", "product", "guiwei"])
SECONDS = st.floats(0, 1e6)

CHANGES = st.builds(
    Change,
    NAMES | st.just("state"),
    VALUES,
    VALUES,
    PLACES,
    ORIGINS,
    st.sampled_from(["drift", "intended", "both", "new"]),
    LABELS,
)
STEPS = st.builds(
    Step,
    id=NAMES,
    resource=TEXTS
    | st.sampled_from(["ini[path=/a/b/c/d/e.ini,section=税,option=x]", "lantai:9.0/file[path=C:\\a\\b]"]),
    module=NAMES,
    name=TEXTS,
    reading=MAPPINGS,
    state=st.none() | MAPPINGS,
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    guards=st.none() | MAPPINGS,
    instance=st.none() | NAMES,
    place=PLACES,
    origin=ORIGINS,
    risk=st.sampled_from(["ordinary", "restart", "data", "professional"]),
    irreversible=st.booleans(),
    requires=st.none() | NAMES,
    when_changed=st.none() | st.lists(NAMES, max_size=5).map(tuple),
    known_after=st.none() | st.integers(1, 9),
    always=st.booleans(),
)
STAGES = st.builds(
    Stage,
    st.integers(0, 9),
    st.sampled_from(["prepare", "upgrade", "converge", "handlers"]),
    st.lists(STEPS, max_size=2).map(tuple),
    st.none() | NAMES,
    st.none() | st.tuples(TEXTS, TEXTS),
)
MISMATCHES = st.builds(Mismatch, NAMES, VALUES, VALUES, st.sampled_from(["asserted", "device"]), PLACES, LABELS)
INSTANCES = st.builds(
    InstancePlan,
    NAMES,
    STATUS,
    TEXTS,
    MAYBE_ERRORS,
    st.lists(MISMATCHES, max_size=2).map(tuple),
    st.lists(MAPPINGS, max_size=2).map(tuple),
    MAPPINGS,
)
HOST_PLANS = st.builds(
    HostPlan,
    host=NAMES,
    status=STATUS,
    stages=st.lists(STAGES, max_size=2).map(tuple),
    instances=st.lists(INSTANCES, max_size=2).map(tuple),
    error=MAYBE_ERRORS,
    seconds=SECONDS,
    facts=MAPPINGS,
)
PLANS = st.builds(
    Plan,
    id=NAMES,
    playbook=TEXTS,
    created=TEXTS,
    hosts=st.lists(HOST_PLANS, max_size=2).map(tuple),
    key=st.just("5e" * 32),
    reason=st.none() | TEXTS,
    inputs=MAPPINGS,
)

MONEY = st.decimals(-10000, 10000, places=2).map(str) | TEXTS
LEDGERS = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["004", "026"]), "month": st.sampled_from(["2026-10", "2026-11"])},
        optional={"count": st.integers(0, 99), "amount": MONEY, "tax": MONEY, "number": TEXTS, "status": TEXTS},
    ),
    max_size=3,
).map(tuple)
CHECKS = st.builds(CheckResult, NAMES, st.booleans(), LABELS, MAPPINGS, MAPPINGS, MAYBE_ERRORS)
INSTANCE_RESULTS = st.builds(
    InstanceResult,
    NAMES,
    STATUS,
    MAYBE_ERRORS,
    st.lists(CHECKS, max_size=2).map(tuple),
    LEDGERS,
    LEDGERS,
    LEDGERS,
    st.none() | st.booleans(),
    st.lists(TEXTS, max_size=2).map(tuple),
)
STEP_RESULTS = st.builds(
    StepResult,
    NAMES,
    st.sampled_from(["unchanged", "changed", "failed", "refused", "skipped", "unknown"]),
    TEXTS,
    st.none() | NAMES,
    st.lists(st.tuples(NAMES, VALUES, VALUES), max_size=3).map(tuple),
    SECONDS,
    st.none() | st.fixed_dictionaries({"backup": NAMES}, optional={"label": VALUES, "files": VALUES, "bytes": VALUES}),
    MAYBE_ERRORS,
)
RUNS = st.builds(
    RunResult,
    NAMES,
    st.sampled_from(["apply", "verify", "rollback"]) | NAMES,
    TEXTS,
    TEXTS,
    TEXTS,
    st.lists(
        st.builds(
            HostResult,
            NAMES,
            STATUS,
            st.lists(STEP_RESULTS, max_size=2).map(tuple),
            st.lists(INSTANCE_RESULTS, max_size=2).map(tuple),
            MAYBE_ERRORS,
            SECONDS,
        ),
        max_size=3,
    ).map(tuple),
    TEXTS,
    st.none() | TEXTS,
)
