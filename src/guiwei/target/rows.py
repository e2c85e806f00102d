"""Rows and the schema version of SQLite databases; writes are journalled by row, never by file.

Another program may write other rows between guiwei's write and a rollback: a before-image of the whole file would
take those away. Reading leaves nothing behind: no `-wal`, `-shm` or `-journal`, and no recovery in place.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.files import Files
from guiwei.target.secret import reveal
from guiwei.target.wire import decode, encode

__all__ = ["Rows", "file_uri", "settle"]

#: Seconds to wait for another program's lock before saying that the file is in use.
LOCK_WAIT = 5.0

#: A change within one transaction: returns its before-image, None if there was nothing to change.
_Write = Callable[[Any], Optional[Dict[str, Any]]]


class Rows:
    """Read and write rows of databases below the root of `files`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: Dict[str, Any] = {}
        self._copies: List[str] = []

    def query(self, path: str, sql: str, parameters: Any = ()) -> Optional[List[Dict[str, Any]]]:
        """Return the rows of a SELECT as dictionaries; None if the database is not there. Opens it read-only.

        Raises:
            ResourceError: another program holds it, it is no readable database, or `sql` would do more than read.
        """
        real = self._files.real(path)
        if not os.path.isfile(real):
            return None
        import sqlite3

        try:
            try:
                return _rows(self._reader(real), sql, parameters)
            except sqlite3.OperationalError:
                # A journal left by a crash is rolled back by whoever may write: we roll back a copy.
                if not _filled(real + "-journal"):
                    raise
                self._drop(real)
                self._open[real] = self._copied(real)
                return _rows(self._open[real], sql, parameters)
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
            raise ResourceError("sqlite-key", path=path, table=table, key=encode(dict(key)))
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
        if row is not None and before is not None and dict(before, **columns) == before:
            return

        def write(connection: Any) -> Optional[Dict[str, Any]]:
            # Read again inside the transaction: the image must be what this very write replaces.
            there = _get(connection, table, key)
            _put(connection, table, key, there, None if row is None else columns)
            # What the database made of it (types, defaults, triggers) is what rollback has to know again.
            return {"table": table, "key": dict(key), "before": there, "after": _get(connection, table, key)}

        self._journalled("row", path, write)

    def write_user_version(self, path: str, version: int) -> None:
        """Set `PRAGMA user_version`."""
        if self.user_version(path) == version:
            return

        def write(connection: Any) -> Optional[Dict[str, Any]]:
            there = connection.execute("PRAGMA user_version").fetchone()[0]
            _set_version(connection, version)
            return {"before": there, "after": version}

        self._journalled("pragma", path, write)

    def undo(self, real: str, op: str, image: bytes) -> str:
        """Put a row or the user version back as its before-image says.

        Returns:
            `restored`, or `conflict` if what is there is not what the run left.
        """
        kept = decode(json.loads(image.decode("utf-8")))
        if not os.path.isfile(real):
            return "conflict"
        import sqlite3

        self.close()
        connection = _connect(real, "rw")
        try:
            connection.execute("BEGIN IMMEDIATE")
            if op == "pragma":
                found = connection.execute("PRAGMA user_version").fetchone()[0]
            else:
                found = _get(connection, kept["table"], kept["key"])
            if found == kept["before"]:
                return "restored"
            if found != kept["after"]:
                return "conflict"
            if op == "pragma":
                _set_version(connection, kept["before"])
            else:
                _put(connection, kept["table"], kept["key"], found, kept["before"])
            connection.execute("COMMIT")
            return "restored"
        except sqlite3.Error as error:
            raise _converted(error, real) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the read-only connections of this phase and remove what was copied for them."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()
        while self._copies:
            import shutil

            shutil.rmtree(self._copies.pop(), ignore_errors=True)

    def _drop(self, real: str) -> None:
        connection = self._open.pop(real, None)
        if connection is not None:
            connection.close()

    def _reader(self, real: str) -> Any:
        if real not in self._open:
            if not _is_wal(real):
                self._open[real] = _only_reading(_connect(real, "ro"))
            elif not _filled(real + "-wal"):
                # Without `immutable` even a reader would leave a -wal and a -shm beside it.
                self._open[real] = _only_reading(_connect(real, "ro&immutable=1"))
            else:
                self._open[real] = self._copied(real)
        return self._open[real]

    def _copied(self, real: str) -> Any:
        """Open a private copy, with the log or journal that belongs to it."""
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="guiwei-")
        self._copies.append(folder)
        copy = os.path.join(folder, "copy.db")
        for _ in range(5):
            before = _signature(real)
            for end in ("", "-wal", "-journal"):
                if os.path.exists(copy + end):
                    os.unlink(copy + end)
                if os.path.exists(real + end):
                    shutil.copyfile(real + end, copy + end)
            if _signature(real) == before:
                return _only_reading(_connect(copy, "rw"))
        raise ResourceError("file-in-use", path=real)

    def _journalled(self, op: str, path: str, write: _Write) -> None:
        real = self._files.real(path)
        if not os.path.isfile(real):
            raise ResourceError("path-missing", path=path)
        import sqlite3

        self.close()
        if not os.path.exists(real + "-journal"):
            self._files.announce(database=real)
        connection = _connect(real, "rw")
        try:
            connection.execute("BEGIN IMMEDIATE")
            image = write(connection)
            if image is None:
                return
            # The intent stands before the commit: a cut in between leaves the row as it was.
            kept = json.dumps(encode(image), ensure_ascii=False).encode("utf-8")
            number = self._files.intend({"op": op, "path": real}, kept)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _converted(error, path) from error
        finally:
            connection.close()
        self._files.done(number)


def settle(real: str) -> None:
    """Take away what a cut write left beside a database; SQLite plays it back first where something was begun."""
    beside = real + "-journal"
    if not os.path.exists(beside) or not os.path.isfile(real):
        return
    import sqlite3

    connection = _connect(real, "rw")
    try:
        connection.execute("BEGIN IMMEDIATE")
        # Of a write that had not come to its first page SQLite leaves this to the next who writes. While the
        # transaction lasts nobody begins one.
        if os.path.exists(beside):
            os.unlink(beside)
        connection.execute("ROLLBACK")
    except sqlite3.Error:
        # Another program writes right now: the file is its own.
        pass
    finally:
        connection.close()


def _rows(connection: Any, sql: str, parameters: Any) -> List[Dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def _connect(real: str, mode: str) -> Any:
    import sqlite3

    return sqlite3.connect(file_uri(real, mode), uri=True, timeout=LOCK_WAIT, isolation_level=None)


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:")


def file_uri(real: str, mode: str) -> str:
    """Return SQLite's URI of a database file (https://www.sqlite.org/uri.html).

    `urllib` would do it too, and take longer to load than all rows take to read.

    Args:
        mode: `ro`, `rw`, with further parameters after `&`.
    """
    place = real.replace(os.sep, "/").encode("utf-8") if os.name == "nt" else os.fsencode(real)
    quoted = "".join(chr(byte) if byte in _PLAIN else "%%%02X" % byte for byte in place)
    return "file:%s%s?mode=%s" % ("/" if os.name == "nt" else "", quoted, mode)


# Of SQLite's authorizer: SELECT, READ, FUNCTION, RECURSIVE; a PRAGMA is looked at by name.
_READING = (21, 20, 31, 33)
_PRAGMA = 19
_PRAGMAS = (
    "user_version", "schema_version", "application_id", "encoding", "journal_mode", "page_count", "page_size",
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list", "integrity_check",
    "quick_check",
)  # fmt: skip
_TAKES_A_NAME = ("table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list")


def _only_reading(connection: Any) -> Any:
    """Refuse ATTACH, VACUUM INTO and the like, which write files even from a read-only connection."""

    def allow(action: int, first: Optional[str], second: Optional[str], *_: Any) -> int:
        if action in _READING and str(second).lower() != "load_extension":
            return 0
        harmless = action == _PRAGMA and first in _PRAGMAS and (second is None or first in _TAKES_A_NAME)
        return 0 if harmless else 1

    import sqlite3

    for function in ("json_each", "json_tree"):
        # They read alone, but are made like a table when they are first used, which would be refused then.
        try:
            connection.execute("SELECT 1 FROM %s('[]')" % function)
        except sqlite3.Error:
            # This SQLite has no JSON, or the file is not a database: the question itself will say so.
            break
    connection.set_authorizer(allow)
    return connection


def _is_wal(real: str) -> bool:
    """Bytes 18 and 19 of the header are 2 in WAL mode (SQLite file format, section 1.3.3)."""
    with open(real, "rb") as file:
        header = file.read(20)
    return header[:15] == b"SQLite format 3" and 2 in header[18:20]


def _filled(real: str) -> bool:
    return os.path.exists(real) and os.path.getsize(real) > 0


def _signature(real: str) -> List[Any]:
    found = []
    for end in ("", "-wal", "-journal"):
        if os.path.exists(real + end):
            seen = os.stat(real + end)
            found.append((end, seen.st_size, seen.st_mtime_ns))
    return found


def _set_version(connection: Any, version: int) -> None:
    connection.execute("PRAGMA user_version = %d" % version)


def _get(connection: Any, table: str, key: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    where = " AND ".join("%s IS ?" % _quoted(name) for name in key)
    parameters = tuple(reveal(item) for item in key.values())
    rows = _rows(connection, "SELECT * FROM %s WHERE %s" % (_quoted(table), where), parameters)
    return rows[0] if rows else None


def _put(
    connection: Any,
    table: str,
    key: Mapping[str, Any],
    before: Optional[Mapping[str, Any]],
    row: Optional[Mapping[str, Any]],
) -> None:
    where = " AND ".join("%s IS ?" % _quoted(name) for name in key)
    parameters = tuple(reveal(item) for item in key.values())
    if row is None:
        connection.execute("DELETE FROM %s WHERE %s" % (_quoted(table), where), parameters)
    elif before is None:
        sql = "INSERT INTO %s (%s) VALUES (%s)"
        names = ", ".join(_quoted(name) for name in row)
        connection.execute(sql % (_quoted(table), names, ", ".join("?" * len(row))), tuple(row.values()))
    else:
        assignments = ", ".join("%s = ?" % _quoted(name) for name in row)
        sql = "UPDATE %s SET %s WHERE %s" % (_quoted(table), assignments, where)
        connection.execute(sql, tuple(row.values()) + parameters)


def _quoted(name: str) -> str:
    return '"%s"' % name.replace('"', '""')


def _converted(error: Exception, path: str) -> ResourceError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return ResourceError("file-in-use", path=path)
    if "not a database" in text or "malformed" in text or "encrypted" in text:
        return ResourceError("sqlite-unreadable", path=path)
    if "disk is full" in text:
        return ResourceError("disk-full", path=path)
    if "readonly" in text:
        return ResourceError("path-read-only", path=path)
    if "authoriz" in text or "prohibited" in text:
        return ResourceError("sqlite-not-reading", path=path)
    return ResourceError("sqlite-error", path=path, detail=text)
