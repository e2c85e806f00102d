"""What is to be done on each host and why: stages of steps with provenance, risk and guards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.errors import GuiweiError, Place

__all__ = ["Change", "Condition", "HostPlan", "InstancePlan", "Mismatch", "Plan", "Sealed", "Stage", "Step"]

#: Version of the plan file.
FORMAT = 1


@dataclass(frozen=True)
class Sealed:
    """A secret of a saved plan: its HMAC under the plan's key."""

    hmac: str


@dataclass(frozen=True)
class Change:
    """One field of one resource: what is there, what will be, and where that was written.

    Attributes:
        before, after: plain values; a secret is a `Secret`.
        place: file:line:column of the value, or of what it came from.
        origin: `playbook`, `policy`, `inventory`, `product` or `guiwei` (a step that guiwei itself needs, such as a
            backup).
        policy: name of the policy that decides the value, empty if none does.
        cause: `drift` (the PC moved since the last apply), `intended` (the playbook moved), `both`, or `new`.
        label: what people call the field, if the product names it.
    """

    field: str
    before: Any
    after: Any
    place: Place | None = None
    origin: str = "playbook"
    cause: str = "new"
    label: Mapping[str, str] = dataclasses.field(default_factory=dict)
    policy: str = ""


@dataclass(frozen=True)
class Step:
    """One write on one host.

    Attributes:
        id: unique in the host's plan: the resource's identity, and `@<stage>` where it occurs again.
        resource: the resource's identity alone.
        reading: key and option fields.
        state: the desired value fields; None removes the thing.
        changes: what differs; empty for a step that may turn out to have nothing to do (`known_after`).
        guards: before-values of the fields that it changes; None where an earlier stage produces them.
        risk: `ordinary` (a finance clerk may do it), `restart`, `data` or `professional`.
        irreversible: rollback cannot take it back.
        requires: id of the backup step whose receipt it needs.
        when_changed: run only if one of these steps changed something (a handler, a restart).
        known_after: the stage that produces what this step finds; its difference is not known before.
        always: it has no state that could be compared, so it always runs.
        label: its name for people in each language, where the product gives one.
        handler: its name, if it is a handler.
        notify: handlers that must run once this step changed something.
        proof: what an action brings about: a reading (`module`, `with`, `field`) and the `value` it must have. If it
            has it before, there is nothing to do; if it has not afterwards, the step failed.
        unless: a reading (`module`, `with`, `field`) and the `value` that it must not have just before the write:
            somebody is working with the client.
        tries_left: how many tries the device leaves for the secret that the step gives; None if it gives none.
    """

    id: str
    resource: str
    module: str
    name: str
    reading: Mapping[str, Any]
    state: Mapping[str, Any] | None
    changes: tuple[Change, ...] = ()
    guards: Mapping[str, Any] | None = None
    instance: str | None = None
    place: Place | None = None
    origin: str = "playbook"
    risk: str = "ordinary"
    irreversible: bool = False
    requires: str | None = None
    when_changed: tuple[str, ...] | None = None
    known_after: int | None = None
    always: bool = False
    handler: str | None = None
    notify: tuple[str, ...] = ()
    proof: Mapping[str, Any] | None = None
    label: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unless: Mapping[str, Any] | None = None
    tries_left: int | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person does it."""
        return self.module == "person"


@dataclass(frozen=True)
class Stage:
    """Steps that are applied together; a version edge ends a stage.

    Attributes:
        title: what it is for: `prepare`, `upgrade`, `converge` or `handlers`.
        versions: (from, to) of an upgrade stage.
    """

    number: int
    title: str
    steps: tuple[Step, ...]
    instance: str | None = None
    versions: tuple[str, str] | None = None


@dataclass(frozen=True)
class Mismatch:
    """An asserted or mirrored value that is not what the playbook says: nothing that software may change.

    Attributes:
        kind: `asserted` (no software can change it) or `device` (the playbook and the tax device disagree).
    """

    field: str
    wanted: Any
    found: Any
    kind: str
    place: Place | None = None
    label: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """Something that must be so and that no step brings about: a server that answers, a version that is not too old.

    Attributes:
        field: where `state:` names it.
        wanted: the value, or the limit as text.
        error: why nothing could be found.
    """

    field: str
    wanted: Any
    found: Any
    ok: bool
    place: Place | None = None
    origin: str = "playbook"
    label: Mapping[str, str] = dataclasses.field(default_factory=dict)
    policy: str = ""
    error: GuiweiError | None = None


@dataclass(frozen=True)
class InstancePlan:
    """One taxpayer's client on the host: its status, and why it is not touched if it is not."""

    id: str
    status: str
    product: str = ""
    error: GuiweiError | None = None
    mismatches: tuple[Mismatch, ...] = ()
    ledger: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class HostPlan:
    """What one host needs.

    Attributes:
        status: `unchanged`, `differs`, `waiting`, `refused`, `failed`, `unreachable`, `pending` or `skipped`.
        seconds: how long observing took.
        artifacts: sha256 → file on the controller, of what the steps install or copy.
        desired: resource → field → wanted value, of everything that is declared, whether it differs or not.
        observing: what the agent resolves references against.
        closed: `deadline`, `days`, `calendar` and `override` while risky steps wait for a filing deadline to pass.
        expected: step id → seconds that it will take; empty where nobody asked.
        not_compared: `module.field` of what is declared and the PC's system has no such thing of: it is not compared.
    """

    host: str
    status: str
    stages: tuple[Stage, ...] = ()
    instances: tuple[InstancePlan, ...] = ()
    error: GuiweiError | None = None
    seconds: float = 0.0
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    artifacts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    desired: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    observing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    closed: Mapping[str, Any] | None = None
    expected: Mapping[str, float] = dataclasses.field(default_factory=dict)
    not_compared: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order."""
        return tuple(step for stage in self.stages for step in stage.steps)


@dataclass(frozen=True)
class Plan:
    """The plan of one run over many hosts.

    Attributes:
        key: random HMAC key in hex; a secret's guard is comparable within one plan alone.
        digest: SHA-256 over the canonical JSON of everything else; empty until it is saved.
        at: the instant that it is for, as people read it; empty is when it was made.
        policies: `name`, `reason`, `from`, `until`, `in_force` and `place` of the policies that hold or will.
    """

    id: str
    playbook: str
    created: str
    hosts: tuple[HostPlan, ...]
    key: str
    reason: str | None = None
    inputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    digest: str = ""
    format: int = FORMAT
    at: str = ""
    policies: tuple[Mapping[str, Any], ...] = ()
