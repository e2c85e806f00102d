"""What waits for a person, and who did it when: evidence is kept, never overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from guiwei.errors import InputError
from guiwei.history.database import History

__all__ = ["People"]

_WAITING = ("resource", "name", "instance", "wanted", "evidence")


class People:
    """The steps of people in a history.

    A step is known by host, playbook and resource; what it asks for counts too: another text is another request.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def note(self, host: str, playbook: str, run: str, since: str, steps: Iterable[Mapping[str, Any]]) -> None:
        """Note what waits on a host now, in place of what waited there by the same playbook before.

        Args:
            steps: with `resource`, `name`, `instance`, `wanted` and `evidence`.
        """
        steps = list(steps)
        with self._history.transaction() as database:
            known = {
                (row["resource"], row["wanted"]): row["since"]
                for row in database.execute(
                    "SELECT resource, wanted, since FROM waiting WHERE host = ? AND playbook = ?", (host, playbook)
                )
            }
            if not known and not steps:
                return
            database.execute("DELETE FROM waiting WHERE host = ? AND playbook = ?", (host, playbook))
            database.executemany(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (host, playbook, *(step[name] for name in _WAITING), run,
                     known.get((step["resource"], step["wanted"]), since))
                    for step in steps
                ],
            )  # fmt: skip

    def waiting(self, host: str | None = None) -> list[dict[str, Any]]:
        """Return what waits, on one host or on all, in the order in which it began."""
        if not self._history.exists():
            return []
        where, values = ("WHERE host = ?", (host,)) if host is not None else ("", ())
        with self._history.transaction() as database:
            rows = database.execute(f"SELECT * FROM waiting {where} ORDER BY since, host, rowid", values)
            return [dict(row) for row in rows]

    def finish(
        self, step: Mapping[str, Any], instant: str, who: str, evidence: str | None, file: str | None
    ) -> dict[str, Any]:
        """Note that a person did what a step asks for, and return the note.

        Args:
            step: as `waiting` gave it.
            evidence: what was said.
            file: where the evidence's file is kept.

        Raises:
            InputError: it waits no more (`done-not-waiting`).
        """
        told = {name: step[name] for name in ("host", "playbook", "resource", "name", "instance", "wanted", "run")}
        told |= {"done": instant, "who": who, "said": evidence, "file": file}
        with self._history.transaction() as database:
            gone = database.execute(
                "DELETE FROM waiting WHERE host = ? AND playbook = ? AND resource = ? AND wanted = ?",
                (step["host"], step["playbook"], step["resource"], step["wanted"]),
            )
            if gone.rowcount == 0:
                raise InputError("done-not-waiting", host=step["host"], step=step["name"])
            _insert(database, told)
        return told

    def done(self, playbook: str) -> dict[str, dict[str, dict[str, str]]]:
        """Return host → resource → the last `wanted` and `done` of what was done for a playbook."""
        found: dict[str, dict[str, dict[str, str]]] = {}
        if not self._history.exists():
            return found
        with self._history.transaction() as database:
            query = "SELECT host, resource, wanted, done FROM done WHERE playbook = ? ORDER BY rowid"
            for host, resource, wanted, instant in database.execute(query, (playbook,)):
                found.setdefault(host, {})[resource] = {"wanted": wanted, "done": instant}
        return found

    def evidence(self, host: str | None = None) -> list[dict[str, Any]]:
        """Return everything that people have done, on one host or on all, in order."""
        if not self._history.exists():
            return []
        where, values = ("WHERE host = ?", (host,)) if host is not None else ("", ())
        with self._history.transaction() as database:
            return [dict(row) for row in database.execute(f"SELECT * FROM done {where} ORDER BY rowid", values)]


def _insert(database: sqlite3.Connection, told: Mapping[str, Any]) -> None:
    names = ", ".join(told)
    marks = ", ".join("?" * len(told))
    database.execute(f"INSERT INTO done ({names}) VALUES ({marks})", tuple(told.values()))
