"""`verify --suite`: a suite's findings become checks of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from guiwei.engine.host import status_of
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError
from guiwei.model.run import CheckResult, HostResult, InstanceResult
from guiwei.suites.run import Outcome, run_suites
from guiwei.suites.wire import SuiteHost
from guiwei.transport.settings import Settings

__all__ = ["with_suites"]

#: Statuses of hosts that nobody could look at.
_OUT_OF_REACH = ("unreachable", "unknown", "skipped")


def with_suites(
    suites: Sequence[Path], works: Sequence[Work], results: Sequence[HostResult], settings: Settings, forks: int
) -> list[HostResult]:
    """Run suites on the hosts that were reached, and return the results with what was found."""
    reached = {result.host for result in results if result.status not in _OUT_OF_REACH}
    hosts = [_suite_host(work) for work in works if work.host.name in reached]
    found = run_suites(suites, hosts, settings, forks)
    return [_with_checks(result, found) for result in results]


def _suite_host(work: Work) -> SuiteHost:
    instances = tuple({"id": each.id, **_plain(each.values)} for each in work.instances)
    return SuiteHost(work.host, instances)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, (str, int, float, bool))}


def _with_checks(result: HostResult, found: Outcome) -> HostResult:
    checks = found.get(result.host, [])
    if isinstance(checks, GuiweiError):
        return replace(result, status=_worse(result.status, status_of(checks)), error=result.error or checks)
    own = {name: tuple(check for instance, check in checks if instance == name) for name, _ in checks}
    instances = tuple(_with_own(each, own.get(each.id, ())) for each in result.instances)
    result = replace(result, instances=instances, checks=own.get(None, ()))
    for _, check in checks:
        result = replace(result, status=_worse(result.status, _status(check)))
        if check.error is not None and _status(check) == "unreachable":
            # Once for the host, instead of once for every test.
            return replace(result, error=result.error or check.error, checks=(), instances=result.instances)
    return result


def _with_own(instance: InstanceResult, checks: tuple[CheckResult, ...]) -> InstanceResult:
    status = instance.status
    for check in checks:
        status = _worse(status, _status(check))
    return replace(instance, checks=(*instance.checks, *checks), status=status)


def _status(check: CheckResult) -> str:
    """A test that says no is a difference, as every check is; one that could not be run is a failure."""
    if check.ok:
        return "unchanged"
    if check.error is None or check.error.code == "suite-said-no":
        return "differs"
    return status_of(check.error)


def _worse(one: str, other: str) -> str:
    order = ("unchanged", "pending", "waiting", "differs", "refused", "failed", "unreachable")
    return max(one, other, key=lambda status: order.index(status) if status in order else len(order))
