"""What must be so though no step can make it so: servers that answer steadily, versions that are not too old.

A condition that is not met makes a plan differ and a verification fail; it stops nothing, but for one thing: a client
is not pointed at a server that its PC cannot reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, Wanted, Work, endpoint_reading, endpoint_wanted, reading_id
from guiwei.errors import GateError, GuiweiError, InputError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.policies import SHANGHAI
from guiwei.model.plan import Condition
from guiwei.model.product import Endpoint
from guiwei.model.run import CheckResult
from guiwei.target.contract import FORMS, fill

__all__ = ["as_checks", "plan_conditions", "refuse_unreachable"]

AUDIT = "maintenance.audit"


def plan_conditions(work: Work, instance: InstanceWork, observation: Observation) -> tuple[Condition, ...]:
    """Return every condition that `state:` names of an instance, met or not.

    Raises:
        InputError: a limit is no number.
    """
    found: list[Condition] = []
    for endpoint in instance.product.endpoints:
        if endpoint_wanted(instance, endpoint):
            found += _Server(instance, endpoint, observation).conditions()
    return (*found, *_ages(work, instance, observation), *_audit(work, instance, observation))


def as_checks(conditions: tuple[Condition, ...]) -> tuple[CheckResult, ...]:
    """Return conditions as checks of a verification, which is an audit itself."""
    return tuple(
        CheckResult(
            each.field,
            each.ok,
            each.label,
            {} if each.error is not None else {each.field.rpartition(".")[2]: each.found},
            {each.field.rpartition(".")[2]: each.wanted},
            each.error,
        )
        for each in conditions
        if each.field != AUDIT
    )


def refuse_unreachable(instance: InstanceWork, conditions: tuple[Condition, ...], observation: Observation) -> None:
    """Refuse to change an upload address to one that does not answer from this PC.

    Raises:
        GateError: `endpoint-unreachable`.
    """
    silent = {each.field: each for each in conditions if not each.ok and each.field.endswith(".reachable")}
    for endpoint in instance.product.endpoints:
        condition = silent.get(f"endpoints.{endpoint.name}.reachable")
        # Where the play leaves the address alone, nothing is pointed anywhere.
        if condition is None or instance.wanted.get(endpoint.parameter or "") is None:
            continue
        address, own = _address(instance, endpoint, observation), _own(instance, endpoint, observation)
        if address != own:
            raise GateError(
                "endpoint-unreachable", condition.place, instance=instance.id, address=address, own=own or "?"
            )


def _own(instance: InstanceWork, endpoint: Endpoint, observation: Observation) -> str | None:
    """Where the client looks now."""
    try:
        return str(check_value("url", fill(endpoint.address, observation.context(instance.id)), endpoint.name))
    except GuiweiError:
        return None


def _address(instance: InstanceWork, endpoint: Endpoint, observation: Observation) -> str:
    """Where the client is to look, as the play says."""
    wanted = instance.wanted[str(endpoint.parameter)]
    value = wanted.rendered(observation.context(instance.id))
    return check_value("url", value, str(endpoint.parameter), wanted.place)


@dataclass(frozen=True)
class _Server:
    """One server as its tries were."""

    instance: InstanceWork
    endpoint: Endpoint
    observation: Observation

    def conditions(self) -> list[Condition]:
        """Return whether it answers, and as steadily and fast as is wanted."""
        state, error = self._tried()
        loss, took = state.get("loss"), state.get("milliseconds")
        answers = None if loss is None else loss < 1
        leaf = self._leaf("reachable") or endpoint_wanted(self.instance, self.endpoint)
        assert leaf is not None
        found = [self._condition("reachable", True, answers, bool(answers), leaf, error)]
        for word, value in (("loss", loss), ("latency", took)):
            limit = self._leaf(word)
            if limit is not None:
                most = _number(limit, f"endpoints.{self.endpoint.name}.{word}", self._context())
                found.append(
                    self._condition(word, f"≤ {most:g}", value, value is not None and value <= most, limit, None)
                )
        return found

    def _context(self) -> Mapping[str, Any]:
        return self.observation.context(self.instance.id)

    def _leaf(self, word: str) -> Wanted | None:
        return self.instance.wanted.get(f"endpoints.{self.endpoint.name}.{word}")

    def _tried(self) -> tuple[Mapping[str, Any], GuiweiError | None]:
        try:
            address = self.endpoint.address
            if self.instance.wanted.get(self.endpoint.parameter or "") is not None:
                address = _address(self.instance, self.endpoint, self.observation)
            reading = endpoint_reading(self.instance, self.endpoint, address)
            return self.observation.state(reading_id(reading, self.instance.id)) or {}, None
        except InputError:
            raise
        except GuiweiError as error:
            return {}, error

    def _condition(
        self, word: str, wanted: Any, found: Any, ok: bool, leaf: Wanted, error: GuiweiError | None
    ) -> Condition:
        field = f"endpoints.{self.endpoint.name}.{word}"
        return Condition(
            field, wanted, found, ok, leaf.place, leaf.origin, self.endpoint.label, policy=leaf.policy, error=error
        )


def _ages(work: Work, instance: InstanceWork, observation: Observation) -> Iterator[Condition]:
    """Days since the release of what is installed; what nobody knows the day of is not known to be young enough."""
    product = instance.product
    found: list[tuple[str, Mapping[str, str], Callable[[], Any], Mapping[str, str]]] = []
    if product.software is not None and product.software.released:
        version = product.software.version
        found.append(
            (
                "maintenance.version_age",
                product.software.released,
                lambda: observation.value(version, instance.id),
                {"en": "age of the client's version", "zh": "客户端版本的发布天数"},
            )
        )
    for driver in product.drivers:
        if driver.released:
            reading = driver.version
            found.append(
                (
                    "maintenance.driver_age",
                    driver.released,
                    lambda reading=reading: observation.value(reading, instance.id),  # type: ignore[misc]
                    {"en": f"age of the {driver.label['en']}", "zh": f"{driver.label['zh']}的发布天数"},
                )
            )
    for field, released, read, label in found:
        leaf = instance.wanted.get(field)
        if leaf is None or work.at is None:
            continue
        most = _number(leaf, field, observation.context(instance.id))
        error: GuiweiError | None = None
        days: int | None = None
        try:
            days = _days_since(released, read(), work.at)
        except GuiweiError as raised:
            error = raised
        ok = days is not None and days <= most
        yield Condition(field, f"≤ {most:g}", days, ok, leaf.place, leaf.origin, label, policy=leaf.policy, error=error)


def _audit(work: Work, instance: InstanceWork, observation: Observation) -> Iterator[Condition]:
    """Days since somebody last looked whether anything has moved; never is too long ago."""
    leaf = instance.wanted.get(AUDIT)
    if leaf is None or work.at is None:
        return
    most = _number(leaf, AUDIT, observation.context(instance.id))
    days = None if work.looked is None else max(0, (work.at - work.looked).days)
    label = {"en": "audit for drift", "zh": "漂移审计"}
    ok = days is not None and days <= most
    yield Condition(AUDIT, f"≤ {most:g}", days, ok, leaf.place, leaf.origin, label, policy=leaf.policy)


def _days_since(released: Mapping[str, str], version: Any, at: datetime) -> int | None:
    normal = FORMS["version"]
    day = next(
        (day for known, day in released.items() if version is not None and normal(known) == normal(version)), None
    )
    return None if day is None else (at.astimezone(SHANGHAI).date() - date.fromisoformat(day)).days


def _number(leaf: Wanted, path: str, context: Mapping[str, Any]) -> float:
    value = leaf.rendered(context)
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise InputError("value-number", leaf.place, parameter=path, value=str(value)) from None
