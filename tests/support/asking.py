"""Requests as the engine makes them, and waiting for something that must come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["apply", "command", "eventually", "file", "observe"]


def observe(*reads: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an observation of (module, arguments) pairs; ids are r1, r2, …"""
    return {
        "op": "observe",
        "reads": [{"id": f"r{n}", "module": name, "with": given} for n, (name, given) in enumerate(reads, 1)],
    }


def apply(run: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """Return a stage of steps; ids are s1, s2, …"""
    return {"op": "apply", "run": run, "steps": [{"id": f"s{n}", **step} for n, step in enumerate(steps, 1)]}


def file(path: str, **state: Any) -> dict[str, Any]:
    """Return a step that keeps a file."""
    return {"module": "file", "with": {"path": path}, "state": state}


def command(*argv: str, **options: Any) -> dict[str, Any]:
    """Return a step that runs a program."""
    return {"module": "command", "with": {"argv": list(argv), **options}, "state": {"done": True}}


def eventually(holds: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until something holds and return it; a generous limit, not a measurement."""
    limit = time.monotonic() + seconds
    while True:
        found = holds()
        if found or time.monotonic() > limit:
            return found
        time.sleep(0.05)
