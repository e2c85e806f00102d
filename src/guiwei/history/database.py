"""Runs, hosts' results, test invoices and the last applied values, in one SQLite file.

What is stored is already plain: secrets are masks before they come here.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from guiwei.errors import InputError

__all__ = ["History", "default_path"]

#: Each entry brings the database one version on; `PRAGMA user_version` counts them. Never edit one: append.
#: No text in them holds a semicolon.
_MIGRATIONS = (
    """
    CREATE TABLE run (
        id TEXT PRIMARY KEY, command TEXT NOT NULL, playbook TEXT NOT NULL, reason TEXT,
        started TEXT NOT NULL, finished TEXT, plan TEXT NOT NULL DEFAULT '', who TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE host_result (
        run TEXT NOT NULL REFERENCES run(id), host TEXT NOT NULL, status TEXT NOT NULL, seconds REAL NOT NULL,
        result TEXT NOT NULL, PRIMARY KEY (run, host)
    );
    CREATE TABLE invoice (
        run TEXT NOT NULL REFERENCES run(id), host TEXT NOT NULL, instance TEXT NOT NULL, number TEXT NOT NULL,
        kind TEXT NOT NULL, month TEXT NOT NULL, amount TEXT NOT NULL, tax TEXT NOT NULL, status TEXT NOT NULL
    );
    CREATE TABLE applied (
        host TEXT NOT NULL, resource TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, run TEXT NOT NULL,
        PRIMARY KEY (host, resource, field)
    );
    """,
    # What waits for a person, and what people have done; evidence is only ever added.
    """
    CREATE TABLE waiting (
        host TEXT NOT NULL, playbook TEXT NOT NULL, resource TEXT NOT NULL, name TEXT NOT NULL, instance TEXT,
        wanted TEXT NOT NULL, evidence TEXT, run TEXT NOT NULL, since TEXT NOT NULL,
        PRIMARY KEY (host, playbook, resource)
    );
    CREATE TABLE done (
        host TEXT NOT NULL, playbook TEXT NOT NULL, resource TEXT NOT NULL, name TEXT NOT NULL, instance TEXT,
        wanted TEXT NOT NULL, run TEXT NOT NULL, done TEXT NOT NULL, who TEXT NOT NULL, said TEXT, file TEXT
    );
    """,
    # Where each PC and each tax disk was seen last.
    """
    CREATE TABLE pc (
        host TEXT PRIMARY KEY, pc_id TEXT NOT NULL, machine_id TEXT NOT NULL, run TEXT NOT NULL, seen TEXT NOT NULL
    );
    CREATE TABLE disk (
        number TEXT PRIMARY KEY, instance TEXT NOT NULL, taxpayer TEXT NOT NULL, machine TEXT NOT NULL,
        kind TEXT NOT NULL, host TEXT NOT NULL, run TEXT NOT NULL, seen TEXT NOT NULL
    );
    """,
    # How long each kind of step takes.
    """
    CREATE TABLE duration (kind TEXT PRIMARY KEY, seconds REAL NOT NULL, number INTEGER NOT NULL);
    """,
)


def default_path(environ: Mapping[str, str]) -> Path:
    """Return where the history lies: $GUIWEI_HOME, else the user's state folder (XDG)."""
    if environ.get("GUIWEI_HOME"):
        return Path(environ["GUIWEI_HOME"]) / "history.db"
    state = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME", "."), ".local", "state")
    return Path(state) / "guiwei" / "history.db"


class History:
    """Read and write one history file; made at the first write.

    Args:
        path: the file; its folder is made with mode 0700.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: sqlite3.Connection | None = None

    def hold(self) -> None:
        """Keep the file open until `release`, for a run that notes one host after the other.

        Whoever closes the file last writes all of it to the disk and waits for that: once a run, not once a host.
        From here on this thread alone may use the history.

        Raises:
            InputError: the file cannot be read or written (`history-unusable`).
        """
        with self._told():
            self._held = self._held or self._open()

    def sync(self) -> None:
        """Have everything on the disk now: for what must not be forgotten, even if the power fails."""
        with self._opened() as database:
            database.execute("PRAGMA wal_checkpoint(FULL)").fetchall()

    def release(self) -> None:
        """Close the file, if it is held."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def begin(self, run: str, command: str, playbook: str, started: str, **about: str | None) -> None:
        """Note that a run began, before it touches anything.

        Args:
            about: `reason` and `who`.
        """
        with self._opened() as database:
            database.execute(
                "INSERT INTO run (id, command, playbook, started, reason, who) VALUES (?, ?, ?, ?, ?, ?)",
                (run, command, playbook, started, about.get("reason"), about.get("who") or ""),
            )

    def record_host(
        self,
        run: str,
        host: str,
        status: str,
        seconds: float,
        result: Mapping[str, Any],
        applied: Mapping[str, Mapping[str, Any]],
        invoices: Iterable[Mapping[str, Any]],
    ) -> None:
        """Note how one host ended, what is applied on it now, and the test invoices.

        Args:
            result: the plain result.
            applied: resource → field → plain value.
            invoices: with `instance`, `number`, `kind`, `month`, `amount`, `tax`, `status`.
        """
        names = ("instance", "number", "kind", "month", "amount", "tax", "status")
        with self._opened() as database:
            database.execute(
                "INSERT OR REPLACE INTO host_result VALUES (?, ?, ?, ?, ?)",
                (run, host, status, seconds, json.dumps(result, ensure_ascii=False)),
            )
            database.executemany(
                "INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(run, host, *(str(invoice.get(name)) for name in names)) for invoice in invoices],
            )
            database.executemany(
                "INSERT OR REPLACE INTO applied VALUES (?, ?, ?, ?, ?)",
                [
                    (host, resource, field, json.dumps(value, ensure_ascii=False), run)
                    for resource, fields in applied.items()
                    for field, value in fields.items()
                ],
            )

    def finish(self, run: str, finished: str) -> None:
        """Note that a run ended."""
        with self._opened() as database:
            database.execute("UPDATE run SET finished = ? WHERE id = ?", (finished, run))

    def runs(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the last runs, newest first, each with `statuses` (status → number of hosts)."""
        if not self._path.exists():
            return []
        with self._opened() as database:
            rows = database.execute("SELECT * FROM run ORDER BY started DESC, rowid DESC LIMIT ?", (limit,)).fetchall()
            return [{**dict(row), "statuses": self._statuses(database, row["id"])} for row in rows]

    def run(self, run: str) -> dict[str, Any]:
        """Return one run with `hosts` (plain results) and `invoices`.

        Raises:
            InputError: there is no such run (`history-no-run`).
        """
        with self._opened() as database:
            row = database.execute("SELECT * FROM run WHERE id = ?", (run,)).fetchone()
            if row is None:
                raise InputError("history-no-run", run=run)
            hosts = database.execute("SELECT * FROM host_result WHERE run = ? ORDER BY rowid", (run,)).fetchall()
            invoices = database.execute("SELECT * FROM invoice WHERE run = ? ORDER BY rowid", (run,)).fetchall()
            return {
                **dict(row),
                "statuses": self._statuses(database, run),
                "hosts": [{**dict(host), "result": json.loads(host["result"])} for host in hosts],
                "invoices": [dict(invoice) for invoice in invoices],
            }

    def applied(self, hosts: Iterable[str]) -> dict[str, dict[str, dict[str, Any]]]:
        """Return host → resource → field → value as the last applies left them."""
        found: dict[str, dict[str, dict[str, Any]]] = {host: {} for host in hosts}
        if not self._path.exists():
            return found
        with self._opened() as database:
            for host, resource, field, value in database.execute("SELECT host, resource, field, value FROM applied"):
                if host in found:
                    found[host].setdefault(resource, {})[field] = json.loads(value)
        return found

    def forget(self, host: str, resources: Iterable[str]) -> None:
        """Forget what was applied on a host, after a rollback took it back."""
        with self._opened() as database:
            database.executemany(
                "DELETE FROM applied WHERE host = ? AND resource = ?", [(host, resource) for resource in resources]
            )

    def exists(self) -> bool:
        """Whether anything was ever noted."""
        return self._path.exists()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the database for one transaction; for the other files of this folder.

        Raises:
            InputError: the file cannot be read or written (`history-unusable`).
        """
        with self._opened() as database:
            yield database

    @staticmethod
    def _statuses(database: sqlite3.Connection, run: str) -> dict[str, int]:
        rows = database.execute(
            "SELECT status, count(*) FROM host_result WHERE run = ? GROUP BY status ORDER BY status", (run,)
        )
        return {row[0]: row[1] for row in rows}

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction.

        Raises:
            InputError: the file cannot be read or written (`history-unusable`).
        """
        with self._told(), self._connected() as database, database:
            yield database

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if self._held is not None:
            yield self._held
            return
        with closing(self._open()) as database:
            yield database

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong with the file in the user's words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError("history-unusable", file=str(self._path), reason=reason) from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=30)
        try:
            database.row_factory = sqlite3.Row
            self._check_version(database)
            # The history is written after the fact: a lost last line is found again in the PC's journal, so a host's
            # result waits for no disk. Without WAL it is slower, not wrong: another guiwei may be in the way.
            with suppress(sqlite3.OperationalError):
                database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            self._migrate(database)
        except BaseException:
            database.close()
            raise
        return database

    def _check_version(self, database: sqlite3.Connection) -> int:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version > len(_MIGRATIONS):
            raise InputError("history-newer", file=str(self._path), version=version)
        return version

    def _migrate(self, database: sqlite3.Connection) -> None:
        if self._check_version(database) == len(_MIGRATIONS):
            return
        with database:
            database.execute("BEGIN IMMEDIATE")
            # Looked at again under the lock: of several that begin at once, one makes the tables.
            for number in range(self._check_version(database), len(_MIGRATIONS)):
                for statement in _MIGRATIONS[number].split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {number + 1}")
