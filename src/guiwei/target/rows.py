"""Rows and the schema version of SQLite databases; writes are journalled by row, never by file.

Another program may write other rows between guiwei's write and a rollback: a before-image of the whole file would
take those away.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any, Dict, List, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.files import Files
from guiwei.target.secret import reveal
from guiwei.target.wire import decode, encode

__all__ = ["Rows"]

#: Seconds to wait for another program's lock before saying that the file is in use.
LOCK_WAIT = 5.0


class Rows:
    """Read and write rows of databases below the root of `files`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: Dict[str, sqlite3.Connection] = {}

    def query(self, path: str, sql: str, parameters: Any = ()) -> Optional[List[Dict[str, Any]]]:
        """Return the rows of a SELECT as dictionaries; None if the database is not there. Opens it read-only."""
        real = self._files.real(path)
        if not os.path.isfile(real):
            return None
        try:
            connection = self._reader(real)
            cursor = connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]
        except sqlite3.Error as error:
            raise _converted(error, path) from error

    def row(self, path: str, table: str, key: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
        """Return the one row with that key, None if there is none.

        Raises:
            ResourceError: more than one row has it (`sqlite-key`).
        """
        where = " AND ".join("%s IS ?" % _quoted(name) for name in key)
        sql = "SELECT * FROM %s WHERE %s LIMIT 2" % (_quoted(table), where)
        rows = self.query(path, sql, tuple(reveal(item) for item in key.values()))
        if rows and len(rows) > 1:
            raise ResourceError("sqlite-key", path=path, table=table, key=dict(key))
        return rows[0] if rows else None

    def user_version(self, path: str) -> Optional[int]:
        """Return `PRAGMA user_version`, None if the database is not there."""
        rows = self.query(path, "PRAGMA user_version")
        return None if rows is None else int(next(iter(rows[0].values())))

    def write_row(self, path: str, table: str, key: Mapping[str, Any], row: Optional[Mapping[str, Any]]) -> None:
        """Insert, update or (None) delete the one row with that key.

        Args:
            row: the columns to set; columns that it lacks stay as they are.
        """
        before = self.row(path, table, key)
        if row is None and before is None:
            return
        columns = {name: reveal(item) for name, item in dict(key, **(row or {})).items()}
        after = None if row is None else dict(before or {}, **columns)
        if after == before:
            return
        image = {"table": table, "key": dict(key), "before": before, "after": after}
        self._journalled("row", path, image, lambda connection: _put(connection, table, key, before, row and columns))

    def write_user_version(self, path: str, version: int) -> None:
        """Set `PRAGMA user_version`."""
        before = self.user_version(path)
        if before == version:
            return
        self._journalled(
            "pragma",
            path,
            {"before": before, "after": version},
            lambda connection: connection.execute("PRAGMA user_version = %d" % version),
        )

    def undo(self, real: str, op: str, image: bytes) -> str:
        """Put a row or the user version back as its before-image says.

        Returns:
            `restored`, or `conflict` if what is there is not what the run left.
        """
        kept = decode(json.loads(image.decode("utf-8")))
        connection = sqlite3.connect(real, timeout=LOCK_WAIT, isolation_level=None)
        try:
            if op == "pragma":
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found == kept["after"]:
                    connection.execute("PRAGMA user_version = %d" % kept["before"])
                return "restored" if found in (kept["after"], kept["before"]) else "conflict"
            found = _get(connection, kept["table"], kept["key"])
            if found != kept["before"]:
                if not _same_row(found, kept["after"]):
                    return "conflict"
                _put(connection, kept["table"], kept["key"], found, kept["before"])
            return "restored"
        finally:
            connection.close()

    def close(self) -> None:
        """Close the read-only connections of this phase."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _reader(self, real: str) -> sqlite3.Connection:
        if real not in self._open:
            from urllib.parse import quote

            uri = "file:%s?mode=ro" % quote(real.replace(os.sep, "/"))
            self._open[real] = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT)
        return self._open[real]

    def _journalled(self, op: str, path: str, image: Dict[str, Any], write: Any) -> None:
        real = self._files.real(path)
        if not os.path.isfile(real):
            raise ResourceError("path-missing", path=path)
        kept = json.dumps(encode(image), ensure_ascii=False).encode("utf-8")
        number = self._files.intend({"op": op, "path": real}, kept)
        self.close()
        connection = sqlite3.connect(real, timeout=LOCK_WAIT, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            write(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _converted(error, path) from error
        finally:
            connection.close()
        self._files.done(number)


def _get(connection: sqlite3.Connection, table: str, key: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    where = " AND ".join("%s IS ?" % _quoted(name) for name in key)
    cursor = connection.execute("SELECT * FROM %s WHERE %s" % (_quoted(table), where), tuple(key.values()))
    names = [column[0] for column in cursor.description]
    found = cursor.fetchone()
    return None if found is None else dict(zip(names, found))


def _put(
    connection: sqlite3.Connection,
    table: str,
    key: Mapping[str, Any],
    before: Optional[Mapping[str, Any]],
    row: Optional[Mapping[str, Any]],
) -> None:
    where = " AND ".join("%s IS ?" % _quoted(name) for name in key)
    if row is None:
        connection.execute("DELETE FROM %s WHERE %s" % (_quoted(table), where), tuple(key.values()))
    elif before is None:
        sql = "INSERT INTO %s (%s) VALUES (%s)"
        names = ", ".join(_quoted(name) for name in row)
        connection.execute(sql % (_quoted(table), names, ", ".join("?" * len(row))), tuple(row.values()))
    else:
        assignments = ", ".join("%s = ?" % _quoted(name) for name in row)
        sql = "UPDATE %s SET %s WHERE %s" % (_quoted(table), assignments, where)
        connection.execute(sql, tuple(row.values()) + tuple(key.values()))


def _same_row(found: Optional[Mapping[str, Any]], after: Optional[Mapping[str, Any]]) -> bool:
    """An inserted row has columns with defaults that the run did not name: compare those that it did."""
    if found is None or after is None:
        return found is after
    return all(found.get(name) == item for name, item in after.items())


def _quoted(name: str) -> str:
    return '"%s"' % name.replace('"', '""')


def _converted(error: sqlite3.Error, path: str) -> ResourceError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return ResourceError("file-in-use", path=path)
    if "not a database" in text or "malformed" in text or "encrypted" in text:
        return ResourceError("sqlite-unreadable", path=path)
    if "disk is full" in text:
        return ResourceError("disk-full", path=path)
    if "readonly" in text:
        return ResourceError("path-read-only", path=path)
    return ResourceError("sqlite-error", path=path, detail=text)
