"""Run suites on many hosts: some processes, each with its share of the hosts."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from guiwei.errors import GuiweiError, HostError, InputError, Place, ResourceError, error_from_wire
from guiwei.model.run import CheckResult
from guiwei.suites.wire import SuiteHost, host_to_wire, settings_to_wire
from guiwei.target.secret import masked
from guiwei.transport.settings import Settings
from guiwei.transport.variables import read_login

__all__ = ["Outcome", "check_suites", "run_suites"]

#: Optional packages that a suite needs: the extra `suite`.
_NEEDED = ("pytest", "testinfra")
#: Hosts are waited for more than worked for, but a process costs memory.
_PROCESSES = 8
#: How long a worker may take beyond its hosts' deadlines, in seconds.
_GRACE = 60.0
#: How much of what pytest says is kept for a failure's message.
_TAIL = 2000

#: Host → checks with the id of the instance that each is about, None for the host; or why there are none.
Outcome = Mapping[str, "list[tuple[str | None, CheckResult]] | GuiweiError"]


def check_suites(suites: Sequence[Path], settings: Settings) -> None:
    """Load the suites without touching a host.

    Raises:
        InputError: pytest or testinfra is not installed (`suite-missing`), there is no such file (`suite-no-file`), it
            cannot be loaded (`suite-broken`), or it has no test (`suite-empty`).
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError("suite-missing", packages=missing)
    for suite in suites:
        if not suite.exists():
            raise InputError("suite-no-file", file=str(suite))
    results, said = _Worker(suites, settings, True).run(())
    broken = next((result for result in results if "broken" in result), None)
    if broken is not None:
        raise InputError("suite-broken", file=broken["file"] or str(suites[0]), detail=broken["broken"])
    code = next((result["ended"] for result in results if "ended" in result), None)
    if code == 5:
        raise InputError("suite-empty", files=[str(suite) for suite in suites])
    if code != 0:
        raise InputError("suite-broken", file=str(suites[0]), detail=said)


def run_suites(suites: Sequence[Path], hosts: Sequence[SuiteHost], settings: Settings, forks: int) -> Outcome:
    """Run every test of the suites on every host.

    A test that says no is a check that is not met; one that could not be run has an error as well.
    """
    if not hosts:
        return {}
    workers = min(forks, len(hosts), _PROCESSES)
    shares = [tuple(hosts[start::workers]) for start in range(workers)]
    running = [_Worker(suites, settings) for _ in shares]
    found: dict[str, list[tuple[str | None, CheckResult]] | GuiweiError] = {}
    try:
        with ThreadPoolExecutor(workers) as pool:
            for outcome in pool.map(lambda pair: pair[0].outcome(pair[1]), zip(running, shares, strict=True)):
                found.update(outcome)
    except BaseException:
        for worker in running:
            worker.stop()
        raise
    return found


class _Worker:
    """One process that runs the suites on its share of the hosts."""

    def __init__(self, suites: Sequence[Path], settings: Settings, collect: bool = False) -> None:
        self._suites = [str(suite.resolve()) for suite in suites]
        self._folder = str(suites[0].resolve().parent)
        self._settings = settings
        self._collect = collect
        self._process: subprocess.Popen[bytes] | None = None

    def outcome(self, hosts: Sequence[SuiteHost]) -> Outcome:
        """Run the suites on hosts and return what was found of each."""
        results, said = self.run(hosts)
        ended = next((result["ended"] for result in results if "ended" in result), None)
        found: dict[str, list[tuple[str | None, CheckResult]] | GuiweiError] = {}
        for item in hosts:
            own = [result for result in results if result.get("host") == item.host.name]
            secrets = read_login(item.host).secrets
            if ended is None or not own:
                # It was killed, or a conftest ended it: what it found before is not all there is to find.
                found[item.host.name] = HostError("suite-died", host=item.host.name, detail=masked(said, secrets))
            else:
                found[item.host.name] = [(result["instance"], _check(result, secrets)) for result in own]
        return found

    def run(self, hosts: Sequence[SuiteHost]) -> tuple[list[dict[str, Any]], str]:
        """Return what the worker told, and the end of what pytest said."""
        request = {
            "suites": self._suites,
            "folder": self._folder,
            "collect": self._collect,
            "settings": settings_to_wire(self._settings),
            "hosts": [host_to_wire(item) for item in hosts],
        }
        limit = self._settings.host_deadline
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_CURRENT_TEST"):
            environ.pop(name, None)
        words = [sys.executable, "-P", "-m", "guiwei.suites.worker"]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=environ) as process:
            self._process = process
            try:
                out, err = process.communicate(
                    json.dumps(request).encode(), None if limit is None else limit * max(1, len(hosts)) + _GRACE
                )
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
            except BaseException:
                process.kill()
                raise
        lines = out.decode("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")], err.decode("utf-8", "replace")[-_TAIL:]

    def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


def _check(result: Mapping[str, Any], secrets: Sequence[Any]) -> CheckResult:
    title, message = result["title"], masked(result["message"], secrets)
    label = {"en": title, "zh": title} if title else {}
    place = Place(result["file"], result["line"], 1)
    name = str(result["test"])
    if result["outcome"] == "passed":
        return CheckResult(name, True, label)
    if result["outcome"] == "skipped":
        return CheckResult(name, True, label, found={"skipped": message})
    if result["error"]:
        return CheckResult(name, False, label, error=error_from_wire(result["error"]))
    code = "suite-said-no" if result["outcome"] == "failed" else "suite-test-broken"
    return CheckResult(name, False, label, error=ResourceError(code, place, test=name, detail=message))
