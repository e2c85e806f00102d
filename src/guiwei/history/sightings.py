"""Where PCs and tax disks were seen last: what tells a copy from the original, and whose disk a stray one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from guiwei.history.database import History

__all__ = ["known_disks", "known_pcs", "note_sighting"]


def note_sighting(
    history: History,
    host: str,
    pc: Mapping[str, str],
    disks: Iterable[Mapping[str, Any]],
    run: str,
    seen: str,
) -> None:
    """Note what one PC was and which disks were plugged in there; what was known of the same before is replaced.

    Args:
        pc: `pc_id` and `machine_id`; empty where there is none.
        disks: with `number`, `instance`, `taxpayer`, `machine` and `kind`.
        seen: UTC text.
    """
    names = ("number", "instance", "taxpayer", "machine", "kind")
    with history.transaction() as database:
        database.execute(
            "INSERT OR REPLACE INTO pc (host, pc_id, machine_id, run, seen) VALUES (?, ?, ?, ?, ?)",
            (host, pc.get("pc_id", ""), pc.get("machine_id", ""), run, seen),
        )
        database.executemany(
            "INSERT OR REPLACE INTO disk (number, instance, taxpayer, machine, kind, host, run, seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*(str(disk.get(name) or "") for name in names), host, run, seen) for disk in disks],
        )


def known_pcs(history: History) -> list[dict[str, str]]:
    """Return every PC that was seen: `host`, `pc_id`, `machine_id`, `run`, `seen`."""
    return _rows(history, "SELECT * FROM pc ORDER BY host")


def known_disks(history: History) -> list[dict[str, str]]:
    """Return every disk that was seen: `number`, `host`, `instance`, `taxpayer`, `machine`, `kind`, `run`, `seen`."""
    return _rows(history, "SELECT * FROM disk ORDER BY number")


def _rows(history: History, query: str) -> list[dict[str, str]]:
    if not history.exists():
        return []
    with history.transaction() as database:
        return [dict(row) for row in database.execute(query)]
