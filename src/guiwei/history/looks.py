"""When somebody last looked at each host: what an audit for drift is due by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from guiwei.history.database import History

__all__ = ["last_looks", "note_audit"]

#: Commands that compare a whole host with what it should be.
_LOOKS = ("apply", "drift", "verify")
#: Statuses of a host that nobody saw.
_UNSEEN = ("unreachable", "skipped", "unknown")


def last_looks(history: History) -> dict[str, datetime]:
    """Return host → the begin of the last run that looked at it."""
    if not history.exists():
        return {}
    query = (
        "SELECT host_result.host, max(run.started) FROM host_result JOIN run ON run.id = host_result.run "
        f"WHERE run.command IN ({_marks(_LOOKS)}) AND host_result.status NOT IN ({_marks(_UNSEEN)}) "
        "GROUP BY host_result.host"
    )
    with history.transaction() as database:
        rows = database.execute(query, (*_LOOKS, *_UNSEEN)).fetchall()
    return {host: datetime.strptime(started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for host, started in rows}


def note_audit(
    history: History,
    run: str,
    playbook: str,
    started: str,
    finished: str,
    hosts: Mapping[str, Mapping[str, Any]],
    who: str,
) -> None:
    """Note a look that changed nothing.

    Args:
        started, finished: UTC text.
        hosts: host → its plain result.
    """
    history.begin(run, "drift", playbook, started, who=who)
    for host, result in hosts.items():
        history.record_host(run, host, result["status"], result["seconds"], result, {}, ())
    history.finish(run, finished)


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))
