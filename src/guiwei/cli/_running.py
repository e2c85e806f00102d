"""What every command that talks to hosts shares: the run's id, clock, connections, progress and history."""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from guiwei.cli._output import Output
from guiwei.engine.host import HostRun
from guiwei.engine.ports import Connect, Session
from guiwei.engine.rollout import over_hosts
from guiwei.engine.work import Work
from guiwei.history.database import History, default_path
from guiwei.model.inventory import Host
from guiwei.model.run import Event
from guiwei.transport.jumps import Jumps
from guiwei.transport.settings import Settings

__all__ = ["Runner", "now", "open_history", "run_id"]

Outcome = TypeVar("Outcome")


def now() -> str:
    """Return the controller's clock as UTC text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_id() -> str:
    """Return a new run's id; ids sort by time."""
    return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(3)}"


def open_history() -> History:
    """Return the history at its default place."""
    return History(default_path(os.environ))


def user() -> str:
    """Return who runs this, for the history."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""


class Runner:
    """Calls one function for every host, with progress, on `forks` threads.

    Args:
        key: HMAC key of the plan, in hex; a new one by default.
    """

    def __init__(self, output: Output, settings: Settings, forks: int, run: str | None = None, key: str | None = None):
        self.run = run or run_id()
        self.key = key or secrets.token_hex(32)
        self.interrupted = False
        self._output = output
        self._settings = settings
        self._forks = forks

    def each(
        self,
        works: Sequence[Work],
        call: Callable[[HostRun, Work], Outcome],
        finished: Callable[[Work, Outcome], None] | None = None,
        not_begun: Callable[[Work], Outcome] | None = None,
    ) -> list[Outcome]:
        """Return every host's outcome, in the works' order.

        Args:
            not_begun: the outcome of a host that is left alone after Ctrl-C; None where nothing is written, and then
                Ctrl-C breaks off at once.

        Raises:
            KeyboardInterrupt: Ctrl-C, where it breaks off at once.
        """
        stop = threading.Event()
        interruptible = self._on_interrupt(stop if not_begun else None)
        with self._progress(len(works)) as observer, interruptible, Jumps() as jumps:
            host_run = HostRun(self._connect(jumps), observer, self.run, self.key, stopping=stop.is_set)

            def one(work: Work) -> Outcome:
                return not_begun(work) if not_begun and stop.is_set() else call(host_run, work)

            outcomes = over_hosts(works, one, self._forks, finished)
        self.interrupted = stop.is_set()
        return outcomes

    def exit_code(self, code: int) -> int:
        """Return the command's exit code: as a shell has it (128 + SIGINT) after Ctrl-C, else `code`."""
        return 130 if self.interrupted else code

    @contextmanager
    def _on_interrupt(self, stop: threading.Event | None) -> Iterator[None]:
        """The first Ctrl-C asks to stop, the second leaves at once: a PC ends the step that it is in by itself."""
        if stop is None or threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(_number: int, _frame: object) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            stop.set()
            self._output.say("interrupt-stopping")

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _connect(self, jumps: Jumps) -> Connect:
        def connect_to(host: Host) -> Session:
            from guiwei.transport.connect import connect

            return connect(host, self._settings, jumps)

        return connect_to

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[Event], None]]:
        if self._output.as_json or not self._output.side.is_terminal:
            yield _silent
            return
        from guiwei.report.progress import ProgressObserver

        with ProgressObserver(self._output.words, self._output.side, total) as observer:
            yield observer


def _silent(event: Event) -> None:
    return None


def plain_values(desired: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return desired states without their secrets: what the history may remember."""
    return {
        resource: {name: item for name, item in fields.items() if not _secret(item)}
        for resource, fields in desired.items()
    }


def _secret(item: Any) -> bool:
    from guiwei.target.secret import Secret

    if isinstance(item, Mapping):
        return any(_secret(part) for part in item.values())
    if isinstance(item, (list, tuple)):
        return any(_secret(part) for part in item)
    return isinstance(item, Secret)
