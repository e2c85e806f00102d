#!/usr/bin/env python3
"""Moka (墨卡开票): a small second invoicing client for tests, unlike the first one in every format.

Settings are JSON, what the bureau issued is XML in GBK, the books are SQLite with schemas of its own, the tax key is
a JSON file. It knows nothing of guiwei. Standard library, Python 3.7.
"""

from __future__ import annotations

import argparse
import calendar
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import quote
from xml.etree import ElementTree

#: Program version → schema of the books that it writes.
SCHEMAS = {"1.0": 1, "2.0": 2}
#: Its own number of each kind → the bureau's code; schema 2 keeps the code.
CODES = {2: "007", 51: "026"}
#: Beijing's offset, in seconds: bills carry local days.
BEIJING = 8 * 3600


class Refused(Exception):
    """What the client says no to."""


class Client:
    """One taxpayer's client below its home folder.

    Attributes:
        home: folder with `app`, `settings.json`, `company.xml`, `data` and `run`.
        keys: folder of the plugged-in tax keys.
    """

    def __init__(self, home: str, keys: str) -> None:
        self.home = home
        self.keys = keys
        self.books = os.path.join(home, "data", "books.sqlite3")
        self.pid_file = os.path.join(home, "run", "moka.pid")

    @property
    def program(self) -> str:
        """The version of the tree that runs."""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "VERSION"), encoding="ascii") as file:
            return file.read().strip()

    def company(self) -> dict[str, str]:
        """Return what `company.xml` says; raises `Refused` if it says nothing."""
        try:
            with open(os.path.join(self.home, "company.xml"), encoding="gbk") as file:
                # Expat knows no GBK: it gets text, without the declaration.
                root = ElementTree.fromstring(file.read().partition("?>")[2])
            return {
                "holder": root.findtext("taxcode", ""),
                "region": root.find("terminal").attrib["region"],  # type: ignore[union-attr]
                "terminal": root.find("terminal").attrib["no"],  # type: ignore[union-attr]
                "types": root.find("invoice").attrib["types"],  # type: ignore[union-attr]
                "limit": root.find("invoice").attrib["limit"],  # type: ignore[union-attr]
            }
        except (OSError, ElementTree.ParseError, AttributeError, KeyError, ValueError) as error:
            raise Refused(f"company.xml: {error}") from error

    def settings(self) -> dict[str, dict[str, object]]:
        """Return the settings; a time-out that is no number is refused as a broken file is."""
        try:
            with open(os.path.join(self.home, "settings.json"), encoding="utf-8-sig") as file:
                found: dict[str, dict[str, object]] = json.load(file)
            if type(found["upload"]["seconds"]) is not int or type(found["backup"]["days"]) is not int:
                raise ValueError("a number is expected")
            return found
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"settings.json: {error}") from error

    def key(self, serial: str) -> dict[str, object] | None:
        """Return what the tax key says, None while it is not plugged in."""
        try:
            with open(os.path.join(self.keys, serial + ".key"), encoding="utf-8") as file:
                found: dict[str, object] = json.load(file)
                return found
        except OSError:
            return None

    def check(self, serial: str) -> None:
        """Refuse to work with settings that the key contradicts."""
        self.settings()
        company, key = self.company(), self.key(serial)
        if key is None:
            raise Refused(f"no key {serial}")
        for name in ("holder", "region", "terminal"):
            if company[name] != str(key[name]):
                raise Refused(f"{name}: company.xml {company[name]}, key {key[name]}")

    def schema(self) -> int:
        """Return the schema of the books, and never make any; raises `sqlite3.Error` if they are no books."""
        with contextlib.closing(sqlite3.connect("file:" + quote(self.books) + "?mode=ro", uri=True)) as books:
            if books.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("the books are damaged")
            return self.schema_of(books)

    @staticmethod
    def schema_of(books: sqlite3.Connection) -> int:
        """Return the schema of open books."""
        return int(books.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Open the books; what was done is kept if nothing failed."""
        connection = sqlite3.connect(self.books, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    def running(self) -> int | None:
        """Return the id of the running client."""
        try:
            with open(self.pid_file, encoding="ascii") as file:
                pid = int(file.read())
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                return None if file.read().rpartition(")")[2].split()[0] == "Z" else pid
        except (OSError, ValueError):
            return None


def make_books(path: str, schema: int) -> None:
    """Make empty books of a schema."""
    with contextlib.closing(sqlite3.connect(path)) as books:
        if schema == 1:
            books.executescript(
                "CREATE TABLE bills (no TEXT PRIMARY KEY, type INTEGER, day TEXT, net TEXT, tax TEXT,"
                " cancelled INTEGER DEFAULT 0, sent INTEGER DEFAULT 0);"
            )
        else:
            books.executescript(_SCHEMA_2)
        books.executescript(
            "CREATE TABLE choice (name TEXT PRIMARY KEY, value TEXT);"
            "INSERT INTO choice VALUES ('operator', '张三');"
            f"PRAGMA user_version = {schema};"
        )


_SCHEMA_2 = (
    "CREATE TABLE doc (id INTEGER PRIMARY KEY, serial TEXT UNIQUE, kind TEXT, at INTEGER,"
    " cancelled INTEGER DEFAULT 0, sent INTEGER DEFAULT 0);"
    "CREATE TABLE doc_line (doc INTEGER REFERENCES doc, fen INTEGER, tax_fen INTEGER);"
)


def migrate(client: Client) -> None:
    """Bring books of an older program up to this one's schema, whole or not at all."""
    wanted = SCHEMAS[client.program]
    if client.schema() > wanted:
        raise Refused("the books are newer than the program")
    if client.schema() == wanted:
        return
    with client.open() as books:
        for statement in _SCHEMA_2.split(";"):
            books.execute(statement)
        for row in books.execute("SELECT no, type, day, net, tax, cancelled, sent FROM bills").fetchall():
            at = calendar.timegm(time.strptime(row[2], "%Y%m%d")) - BEIJING
            cursor = books.execute(
                "INSERT INTO doc (serial, kind, at, cancelled, sent) VALUES (?, ?, ?, ?, ?)",
                (row[0], CODES[row[1]], at, row[5], row[6]),
            )
            books.execute("INSERT INTO doc_line VALUES (?, ?, ?)", (cursor.lastrowid, fen(row[3]), fen(row[4])))
        books.execute("DROP TABLE bills")
        books.execute("PRAGMA user_version = 2")


def fen(yuan: str) -> int:
    """Return yuan as fen."""
    whole, _, part = yuan.lstrip("-").partition(".")
    found = int(whole) * 100 + int((part + "00")[:2])
    return -found if yuan.startswith("-") else found


def status(client: Client, serial: str) -> dict[str, object]:
    """Tell how things are; never fails because something is broken."""
    told: dict[str, object] = {"program": client.program, "running": client.running() is not None, "books": None}
    try:
        told["books"] = client.schema()
    except sqlite3.Error as error:
        told["books_trouble"] = str(error)
    told["key"] = client.key(serial)
    try:
        client.check(serial)
        told["trouble"] = ""
    except Refused as error:
        told["trouble"] = str(error)
    told["ready"] = told["running"] and not told["trouble"] and told["books"] == SCHEMAS[client.program]
    return told


def start(client: Client, serial: str) -> None:
    """Start the client in the background and wait until it is up, or tell why it is not."""
    if client.running():
        return
    os.makedirs(os.path.dirname(client.pid_file), exist_ok=True)
    words = [sys.executable, "-I", "-S", os.path.abspath(__file__), "--home", client.home, "--keys", client.keys]
    output = os.path.join(client.home, "run", "start.log")
    with open(output, "wb") as log:
        child = subprocess.Popen(
            words + ["--key", serial, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    while client.running() != child.pid:
        if child.poll() is not None:
            with open(output, encoding="utf-8", errors="replace") as log_file:
                raise Refused(log_file.read().strip())
        time.sleep(0.01)


def serve(client: Client, serial: str) -> None:
    """Be the client: migrate at the first start, then wait until it is told to stop."""
    client.check(serial)
    migrate(client)
    with open(client.pid_file + ".new", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    os.replace(client.pid_file + ".new", client.pid_file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            signal.pause()
    finally:
        os.unlink(client.pid_file)


def stop(client: Client) -> None:
    """Stop the running client and wait until it is gone."""
    pid = client.running()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    while client.running():
        time.sleep(0.01)


def sell(client: Client, serial: str, kind: int, net: str, tax: str) -> dict[str, object]:
    """Issue one bill and return it."""
    client.check(serial)
    if not client.running():
        raise Refused("the client does not run")
    if str(kind) not in client.company()["types"].split(";") or fen(net) + fen(tax) > int(client.company()["limit"]):
        raise Refused(f"type {kind} or amount {net} is not allowed")
    now = time.gmtime(time.time() + BEIJING)
    with client.open() as books:
        if client.schema_of(books) == 1:
            number = "M{:08d}".format(books.execute("SELECT count(*) FROM bills").fetchone()[0] + 1)
            row = (number, kind, time.strftime("%Y%m%d", now), net, tax)
            books.execute("INSERT INTO bills (no, type, day, net, tax) VALUES (?, ?, ?, ?, ?)", row)
        else:
            number = "M{:08d}".format(books.execute("SELECT count(*) FROM doc").fetchone()[0] + 1)
            values = (number, CODES[kind], int(time.time()))
            cursor = books.execute("INSERT INTO doc (serial, kind, at) VALUES (?, ?, ?)", values)
            books.execute("INSERT INTO doc_line VALUES (?, ?, ?)", (cursor.lastrowid, fen(net), fen(tax)))
    at = time.strftime("%Y-%m-%d %H:%M:%S", now)
    return {"bill": {"no": number, "type": kind, "at": at, "net_fen": fen(net), "tax_fen": fen(tax)}}


def cancel(client: Client, number: str) -> dict[str, object]:
    """Cancel a bill."""
    with client.open() as books:
        table, column = ("bills", "no") if client.schema_of(books) == 1 else ("doc", "serial")
        done = books.execute(f"UPDATE {table} SET cancelled = 1 WHERE {column} = ?", (number,))
        if done.rowcount != 1:
            raise Refused(f"no bill {number}")
    return {"cancelled": number}


def main(words: list[str]) -> int:
    """Do one command and return the exit code: 0, 1 for no, 3 for refused."""
    parser = argparse.ArgumentParser(prog="moka")
    parser.add_argument("--home", required=True)
    parser.add_argument("--keys", required=True)
    parser.add_argument("--key", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("status", "running", "start", "serve", "stop"):
        commands.add_parser(name)
    selling = commands.add_parser("sell")
    selling.add_argument("--type", type=int, required=True)
    selling.add_argument("--net", required=True)
    selling.add_argument("--tax", required=True)
    commands.add_parser("cancel").add_argument("number")
    chosen = parser.parse_args(words)
    client = Client(chosen.home, chosen.keys)
    told: dict[str, object] = {}
    try:
        if chosen.command == "running":
            return 0 if client.running() else 1
        if chosen.command == "status":
            told = status(client, chosen.key)
        elif chosen.command == "start":
            start(client, chosen.key)
        elif chosen.command == "serve":
            serve(client, chosen.key)
        elif chosen.command == "stop":
            stop(client)
        elif chosen.command == "sell":
            told = sell(client, chosen.key, chosen.type, chosen.net, chosen.tax)
        else:
            told = cancel(client, chosen.number)
    except Refused as refusal:
        sys.stderr.write(f"moka: {refusal}\n")
        return 3
    sys.stdout.write(json.dumps(told, ensure_ascii=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
