"""A run as it goes on: bars in a terminal, one line a finished host everywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from guiwei.errors import GateError, GuiweiError, UnknownOutcomeError, UnreachableError
from guiwei.model.run import Event
from guiwei.report._text import clean
from guiwei.report.console import Line, ink
from guiwei.report.tables import status_text
from guiwei.report.words import Words

__all__ = ["ProgressObserver"]

#: How a host stands whose error is all that is known of it.
ERROR_STATUSES = {GateError: "refused", UnreachableError: "unreachable", UnknownOutcomeError: "unknown"}


class ProgressObserver:
    """Show events; a context manager, called with each event from any thread.

    Args:
        words: the language.
        console: where to show them; bars only if it is a terminal.
        total: how many hosts there are.
        lines: how many hosts have a line of their own at one time.
    """

    def __init__(self, words: Words, console: Console, total: int, lines: int = 8) -> None:
        self._words = words
        self._console = console
        self._total = total
        self._lines = lines
        self._lock = threading.Lock()
        self._done: set[str] = set()
        self._started: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Progress | None = None
        self._all: TaskID | None = None
        if console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(style="gw.run", finished_text=ink("✓", "gw.good")),
                TextColumn("{task.fields[host]}", markup=False),
                BarColumn(bar_width=24, complete_style="gw.run", finished_style="gw.good", pulse_style="gw.muted"),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", style="gw.muted", markup=False),
                console=console,
                transient=True,
                refresh_per_second=8,
            )

    def __enter__(self) -> ProgressObserver:
        if self._bars is not None:
            self._all = self._bars.add_task("", total=self._total, host=self._words.say("progress-all"))
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Take notice of one event."""
        with self._lock:
            self._started.setdefault(event.host, time.monotonic())
            if event.kind == "end":
                self._end(event)
            elif event.host not in self._done:
                self._step(event)

    def _step(self, event: Event) -> None:
        task = self._task(event.host)
        if self._bars is None or task is None:
            return
        steps = event.data.get("steps")
        if event.kind == "planned" and steps is not None:
            self._bars.update(task, total=max(_number(steps), 1), completed=0)
        self._bars.update(task, description=self._said(event))
        if event.kind == "step":
            self._bars.advance(task)

    def _task(self, host: str) -> TaskID | None:
        """The host's own line; None without bars, and while all lines are taken by others."""
        if self._bars is None:
            return None
        if host not in self._tasks:
            if len(self._tasks) >= self._lines:
                return None
            self._tasks[host] = self._bars.add_task("", total=None, host=f"  {clean(host)}")
        return self._tasks[host]

    def _end(self, event: Event) -> None:
        if event.host in self._done:
            return
        self._done.add(event.host)
        if self._bars is not None and self._all is not None:
            self._bars.advance(self._all)
            task = self._tasks.pop(event.host, None)
            if task is not None:
                self._bars.remove_task(task)
        status, seconds = _ending(event.data)
        if self._bars is None or status in ("failed", "unreachable", "unknown", "refused"):
            self._console.print(self._finished(event.host, status, seconds))

    def _finished(self, host: str, status: str, seconds: float | None) -> Line:
        seconds = time.monotonic() - self._started[host] if seconds is None else seconds
        done = self._words.say("progress-finished", done=len(self._done), total=self._total)
        return Line(
            ink(clean(host), "gw.strong").append("  ").append_text(status_text(status, self._words)),
            ink(f"{seconds:.1f} s  {done}", "gw.muted"),
        )

    def _said(self, event: Event) -> str:
        data = event.data
        if event.kind == "begin":
            return self._words.say("progress-observing")
        if event.kind in ("observed", "planned"):
            return self._words.say("progress-planned")
        if event.kind == "stage":
            title = self._words.say(f"stage-{data['title']}") if data.get("title") else ""
            return self._words.say("progress-stage", number=data.get("number", ""), title=title)
        if event.kind == "step":
            return clean(str(data.get("name") or data.get("id") or ""))
        if event.kind == "verified":
            return self._words.say("progress-verified")
        return self._words.say("progress-rolled-back") if event.kind == "rolled-back" else ""


def _ending(data: Mapping[str, Any]) -> tuple[str, float | None]:
    """How a host ended, from plain `status` and `seconds`, or from the `outcome`: a result, several, or an error."""
    outcome = data.get("outcome")
    if isinstance(outcome, tuple) and outcome:
        outcome = outcome[-1]
    if isinstance(outcome, GuiweiError):
        return ERROR_STATUSES.get(type(outcome), "failed"), None
    status = data.get("status") or getattr(outcome, "status", "ok")
    seconds = data.get("seconds") or getattr(outcome, "seconds", None)
    return str(status), float(seconds) if isinstance(seconds, (int, float)) else None


def _number(steps: Any) -> int:
    return steps if isinstance(steps, int) else len(steps) if isinstance(steps, (list, tuple)) else 0
