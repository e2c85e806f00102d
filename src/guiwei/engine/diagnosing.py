"""One look at a host: the signs of every client on it, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.engine.drivers import DriverPlan, driver_readings, plan_drivers
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, plan_parameters
from guiwei.engine.upgrades import InstanceSteps
from guiwei.engine.verification import verification_request, verified
from guiwei.engine.work import InstanceWork, Work, observation_request, read_of, reading_id
from guiwei.errors import GuiweiError
from guiwei.invoicing.diagnosis import CAUSES, diagnose
from guiwei.invoicing.versions import VersionGraph, same_version
from guiwei.model.plan import Mismatch
from guiwei.model.product import Reading, Software
from guiwei.model.recovery import Finding
from guiwei.model.run import InstanceResult

__all__ = ["Examination", "examine", "look_request"]


@dataclass(frozen=True)
class Examination:
    """What one look says of one client.

    Attributes:
        findings: causes with evidence.
        parameters: what the client's copies lack; None as long as the device cannot be asked.
        drivers: what the disk's driver lacks.
        mismatches: what playbook and device disagree on: nothing may be touched.
        result: checks and reconciliation as of this look.
        signs: everything that was seen.
        idle: its disk lies in a drawer while another client of this PC has its own plugged in.
    """

    instance: InstanceWork
    findings: tuple[Finding, ...]
    parameters: ParameterPlan | None
    drivers: DriverPlan
    mismatches: tuple[Mismatch, ...]
    result: InstanceResult
    signs: Mapping[str, Any]
    idle: bool = False
    error: GuiweiError | None = None

    @property
    def well(self) -> bool:
        """Whether the client can invoice: nothing is found, and every check is met."""
        return not self.findings and not self.mismatches and self.error is None and self.result.status != "failed"


def look_request(work: Work) -> dict[str, Any]:
    """Return the one request that reads everything that diagnosis, planning and verification need."""
    request = observation_request(work)
    reads = {read["id"]: read for read in request["reads"]}
    for read in verification_request(work, work.instances)["reads"]:
        reads.setdefault(read["id"], read)
    for instance in work.instances:
        for reading in (*_sign_readings(instance).values(), *driver_readings(instance, every=True)):
            identity = reading_id(reading, instance.id)
            reads.setdefault(identity, read_of(identity, reading.module, reading.arguments, instance.id))
    return {**request, "reads": list(reads.values())}


def _sign_readings(instance: InstanceWork) -> dict[str, Reading]:
    """Name → reading of what diagnosis looks at beyond what planning does."""
    product = instance.product
    found: dict[str, Reading] = {}
    package = product.software.package if product.software else None
    if package is not None:
        found["there.program"] = Reading("package", package, "")
        # Without its record the tree itself still says its version.
        tree = {"name": f"{package['name']} tree", "path": package["path"]}
        found["tree_version"] = Reading("package", tree, "version")
    if product.backup:
        found["there.data"] = Reading("directory", {"path": product.backup["paths"][0]}, "")
    if product.service and product.service.get("pid_file"):
        found["there.pid_file"] = Reading("file", {"path": product.service["pid_file"]}, "")
    if product.recovery:
        found.update(product.recovery.signs)
    return found


def examine(
    work: Work, observation: Observation, today: str, before: Mapping[str, tuple[Mapping[str, Any], ...]]
) -> tuple[Examination, ...]:
    """Return what a look says of every client on the host.

    Args:
        today: the controller's date in China, `YYYY-MM-DD`.
        before: instance → its ledger before anything was touched; empty where it could not be read.
    """
    found = [_examine(work, instance, observation, today, before.get(instance.id, ())) for instance in work.instances]
    plugged = {each.instance.id for each in found if each.signs["present"]}
    return tuple(
        each
        if each.signs["present"] or not plugged - {each.instance.id}
        else Examination(each.instance, (), None, each.drivers, (), each.result, each.signs, idle=True)
        for each in found
    )


def _examine(
    work: Work,
    instance: InstanceWork,
    observation: Observation,
    today: str,
    before: tuple[Mapping[str, Any], ...],
) -> Examination:
    product = instance.product
    result = verified(instance, observation, before, (), "unchanged")
    drivers, parameters, error = _planned(work, instance, observation)
    signs = _signs(work, instance, observation, today, parameters, drivers, result)
    rules = product.recovery.rules if product.recovery else ()
    findings = diagnose(rules, signs)
    error = None if findings else error
    if result.reconciled is False and result.error is not None:
        # A ledger that cannot be read is one of the findings, or the checks say so.
        result = InstanceResult(result.id, result.status, None, result.checks, result.ledger_before)
    # Of another disk, or of two, nobody can say that it contradicts the playbook.
    blocked = any(CAUSES[finding.cause].blocks for finding in findings)
    mismatches = parameters.mismatches if parameters and not blocked else ()
    return Examination(instance, findings, parameters, drivers, mismatches, result, signs, error=error)


def _planned(
    work: Work, instance: InstanceWork, observation: Observation
) -> tuple[DriverPlan, ParameterPlan | None, GuiweiError | None]:
    """Plan what can be planned: what is broken may keep the device or the client's files from being read."""
    error: GuiweiError | None = None
    drivers = DriverPlan()
    try:
        drivers = plan_drivers(work, instance, observation)
    except GuiweiError as raised:
        error = raised
    try:
        return drivers, plan_parameters(work, instance, observation), error
    except GuiweiError as raised:
        error = error or raised
    try:
        # The client's own programs may lack a secret, or the PIN a try: the rest is settled all the same.
        return drivers, plan_parameters(work, instance, observation, programs=False), error
    except GuiweiError:
        return drivers, None, error


def _signs(
    work: Work,
    instance: InstanceWork,
    observation: Observation,
    today: str,
    parameters: ParameterPlan | None,
    drivers: DriverPlan,
    result: InstanceResult,
) -> dict[str, Any]:
    product, name = instance.product, instance.id
    errors: dict[str, str] = {}

    def seen(reading: Reading | None, sign: str, default: Any = None) -> Any:
        if reading is None:
            return default
        try:
            state = observation.state(reading_id(reading, name))
        except GuiweiError as raised:
            errors[sign] = raised.code
            return default
        if not reading.field:
            return state
        return observation.value(reading, name) if state is not None else None

    there: dict[str, Any] = {}
    signs: dict[str, Any] = {
        "instance": instance.values,
        "facts": observation.facts,
        "today": today,
        "there": there,
        "present": product.present is None or seen(product.present, "present") is not None,
        "device": seen(product.device, "device"),
        "wrong": _wrong(parameters),
        "drivers": {"behind": bool(drivers.steps), "found": drivers.found, "wanted": drivers.wanted},
        "unmet": [check.name for check in result.checks if not check.ok],
        "errors": errors,
    }
    if product.service is not None:
        steps = InstanceSteps(work, instance, observation)
        signs["running"] = bool(seen(Reading("service", product.service, "running"), "running", False))
        signs["wants_running"] = steps.wants_running or not instance.wanted
    software = product.software
    if software:
        signs["version"] = seen(software.version, "version")
        signs["data_version"] = seen(software.data_version, "data_version")
        signs["data_behind"] = _data_behind(software, signs["version"], signs["data_version"])
        there["record"] = signs["version"] is not None
        if software.activation is not None:
            answer = seen(software.activation, "active")
            signs["active"] = None if answer is None else answer == software.active
    for sign, reading in _sign_readings(instance).items():
        if sign.startswith("there."):
            # What is there but is no folder, say, is there all the same.
            there[sign.partition(".")[2]] = seen(reading, sign, True) is not None
        else:
            signs[sign] = seen(reading, sign)
    tree, recorded = signs.get("tree_version"), signs.get("version")
    if tree is not None and recorded is not None:
        signs["versions_agree"] = same_version(str(tree), str(recorded))
    return signs


def _data_behind(software: Software, version: Any, data: Any) -> bool | None:
    """Tell whether the data are of an older version than the program; None where that cannot be known."""
    if version is None or software.data_version is None:
        return None
    try:
        known = VersionGraph.from_profile(software.versions).known(str(version))
    except GuiweiError:
        return None
    return data is None or not same_version(str(data), software.data_at(known))


def _wrong(parameters: ParameterPlan | None) -> list[dict[str, Any]]:
    """The client's copies that are not as they must be; what its own program alone can set is not among them."""
    steps = parameters.steps if parameters else ()
    return [
        {"parameter": step.name, "label": dict(step.label), "found": change.before, "wanted": change.after}
        for step in steps
        for change in step.changes
        if step.module != "command"
    ]
