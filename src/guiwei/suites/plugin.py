"""The pytest plugin of a suite: its fixtures, one run of every test a host, and what is told of each.

A suite is an ordinary pytest-testinfra suite: its tests take `host`. Beside it there are

- `pc`: the host in the inventory: `name`, `groups`, `root`, `instances`, `path("/etc/x")` below the root of a simulated
  PC, and `file("/etc/x")`, which is `host.file` of that path;
- `instance`: one taxpayer's client, as the inventory declares it (`instance["taxpayer"]`): the test is run for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host as Judge

from guiwei.errors import GuiweiError
from guiwei.suites.wire import SuiteHost
from guiwei.transport.jumps import Jumps
from guiwei.transport.settings import Settings
from guiwei.transport.shell import Shell
from guiwei.transport.variables import read_login

__all__ = ["Pc", "SuitePlugin"]

Report = Callable[[dict[str, Any]], None]

#: A host and one of its clients, in the name of a test.
_MARK = re.compile(r"<\d+(\.\d+)?>")
#: How a test says no; anything else that it raises is a test that could not be run.
_SAYS_NO = (AssertionError, pytest.fail.Exception)


class _Backend(BaseBackend):  # type: ignore[misc]
    """testinfra's way to a host: guiwei's own, with its host keys, jump hosts and sudo."""

    NAME = "guiwei"

    def __init__(self, name: str, shell: Shell) -> None:
        super().__init__(name)
        self._shell = shell

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        text = self.get_command(command, *args)
        said = self._shell.run(text)
        return self.result(said.code, text.encode(), said.out, said.errors)

    def get_encoding(self) -> str:
        return "utf-8"


class Pc:
    """One host of the inventory, as a suite sees it.

    Attributes:
        instances: the taxpayers' clients that the inventory declares for it.
        judge: testinfra's `host`.
    """

    def __init__(self, item: SuiteHost, settings: Settings, jumps: Jumps) -> None:
        login = read_login(item.host)
        self.name = item.host.name
        self.groups = item.host.groups
        self.root = login.root
        self.instances = item.instances
        self._shell = Shell(login, settings, jumps)
        self.judge = Judge(_Backend(self.name, self._shell))
        self.judge.backend.set_host(self.judge)

    def path(self, path: str) -> str:
        """Return where a path of the PC lies: below its root, if it is a simulated one."""
        return self.root.rstrip("/") + path

    def file(self, path: str) -> Any:
        """Return testinfra's `file` of a path of the PC."""
        return self.judge.file(self.path(path))

    def close(self) -> None:
        """End the connection."""
        self._shell.close()


class SuitePlugin:
    """Runs every test once a host, and tells of each.

    Args:
        report: gets `host`, `test`, `instance`, `outcome` (`passed`, `failed`, `skipped` or `error`), `message`,
            `title`, `file`, `line`, `seconds` and `error` of each test, and `broken` with the message of a file that
            cannot be loaded.
    """

    def __init__(self, items: list[SuiteHost], settings: Settings, report: Report) -> None:
        self._jumps = Jumps()
        self._pcs = [Pc(item, settings, self._jumps) for item in items]
        self._report = report
        self._ended: set[str] = set()

    @pytest.fixture(scope="session")
    def pc(self, request: pytest.FixtureRequest) -> Pc:
        """The host in the inventory."""
        found: Pc = request.param
        return found

    @pytest.fixture(scope="session")
    def instance(self, request: pytest.FixtureRequest) -> Mapping[str, Any]:
        """One taxpayer's client on the host."""
        found: Mapping[str, Any] = request.param
        return found

    @pytest.fixture(scope="session")
    def host(self, pc: Pc) -> Judge:
        """testinfra's host."""
        return pc.judge

    @pytest.fixture(autouse=True, scope="session")
    def _everywhere(self, pc: Pc) -> None:
        """A test that looks at no host is still one of each host."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "instance" not in metafunc.fixturenames:
            pcs = [pytest.param(pc, id=f"<{number}>") for number, pc in enumerate(self._pcs)]
            metafunc.parametrize("pc", pcs, indirect=True, scope="session")
            return
        pairs = [
            pytest.param(pc, each, id=f"<{n}.{m}>")
            for n, pc in enumerate(self._pcs)
            for m, each in enumerate(pc.instances)
        ]
        metafunc.parametrize(("pc", "instance"), pairs, indirect=True, scope="session")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._report({"broken": _reason(str(report.longrepr)), "file": report.nodeid})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        # A test ends with its call, or with what keeps it from being called, or with a teardown that fails.
        if (call.when == "call" or not report.passed) and item.nodeid not in self._ended:
            self._ended.add(item.nodeid)
            self._report(_told(item, call, report))
        return report

    def pytest_sessionfinish(self) -> None:
        for pc in self._pcs:
            pc.close()
        self._jumps.close()


def _told(item: pytest.Function, call: pytest.CallInfo[None], report: pytest.TestReport) -> dict[str, Any]:
    params: Mapping[str, Any] = item.callspec.params
    pc: Pc = params["pc"]
    instance = params.get("instance")
    raised = call.excinfo.value if call.excinfo else None
    outcome: str = report.outcome
    if report.failed and (call.when != "call" or not (raised is None or isinstance(raised, _SAYS_NO))):
        outcome = "error"
    file, line, _ = item.location
    at = getattr(getattr(report.longrepr, "reprcrash", None), "lineno", None)
    return {
        "host": pc.name,
        "test": _name(item),
        "title": (item.obj.__doc__ or "").strip().partition("\n")[0],
        "instance": None if instance is None else instance["id"],
        "outcome": outcome,
        "message": _message(report, raised),
        "file": file,
        "line": at or (line or 0) + 1,
        "seconds": round(report.duration, 3),
        "error": raised.to_wire() if isinstance(raised, GuiweiError) else None,
    }


def _reason(text: str) -> str:
    """Return what pytest marks as the error itself in a long report."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "; ".join(lines) or text.strip()


def _name(item: pytest.Function) -> str:
    """A test's own parameters stand in its name, host and client do not."""
    name, bracket, rest = item.name.partition("[")
    parts = [part for part in rest.removesuffix("]").split("-") if not _MARK.fullmatch(part)]
    return f"{name}[{'-'.join(parts)}]" if bracket and parts else name


def _message(report: pytest.TestReport, raised: BaseException | None) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    return "" if report.passed else str(raised or report.longrepr)
