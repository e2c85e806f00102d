"""What holds for every test: how much is sampled, that CI skips nothing, that no process is left behind."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

#: The matrices whole, with many examples, instead of a sample.
PROOF = os.environ.get("GUIWEI_PROOF") == "1"
#: CI installs every component that a test may want: what is skipped there was forgotten.
NO_SKIPS = os.environ.get("CI", "").lower() in ("1", "true")
#: Stands in the environment of everything that a test process starts, and of what that starts in turn.
MARK = "GUIWEI_TEST_PROCESS"
#: Seconds that the last processes of a test have to end.
PATIENCE = 15.0
#: For commands in processes of their own: they have the real clock, and may run in the days before a deadline.
os.environ.setdefault("GUIWEI_OVERRIDE_CALENDAR", "tests run on any day")

# Machines differ in speed: no test may fail by the clock.
settings.register_profile("sample", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("proof", settings.get_profile("sample"), max_examples=1000)
settings.load_profile("proof" if PROOF else "sample")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _refused(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refused(report)


def _refused(report: Report) -> Report:
    """Turn a skip into a failure where nothing may be skipped; an expected failure is reported as a skip and stays."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"CI skips nothing; install what is missing in .ci/run. {reason}"
    return report


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their argument: an archive differs by its clock, and all processes must name tests alike."""
    return argname if isinstance(val, bytes) and len(val) > 20 else None


@pytest.fixture(autouse=True)
def a_day_in_no_filing_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the controller's clock stand: policies and deadlines must not make a test differ from day to day."""
    from guiwei.cli import _clock

    monkeypatch.setattr(_clock, "instant", lambda: datetime(2026, 11, 24, 6, tzinfo=UTC))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """Fail if a process that a test started, daemons as well, outlives the tests."""
    mark = f"{MARK}={uuid.uuid4().hex}"
    os.environ[MARK] = mark.partition("=")[2]
    yield
    limit = time.monotonic() + PATIENCE
    while (left := _marked(mark.encode())) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not left, "left running:\n" + "\n".join(left)


def _marked(mark: bytes) -> list[str]:
    """Return the processes that carry the mark in their environment, other than this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except OSError:
            continue
        if folder.name != str(os.getpid()) and "multiprocessing.resource_tracker" not in command:
            found.append(f"{folder.name} {command}")
    return found
