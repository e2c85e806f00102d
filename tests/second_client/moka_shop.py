"""A PC with the second client on it, in an inventory as `pc1`; what its files and books say, asked without guiwei."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

__all__ = ["PROFILE", "TAXPAYER", "MokaShop", "build_packages", "open_moka"]

HERE = Path(__file__).resolve().parent
PROFILE = HERE / "moka.yml"
#: Fictional, with a right check digit; its region does not exist.
TAXPAYER = "91996731333271677W"
DISK = "000123456789"
VERSIONS = ("1.0", "2.0")

_COMPANY = """\
<?xml version="1.0" encoding="GBK"?>
<!-- 企业信息，由税务机关核定 -->
<company name="青禾商贸有限公司">
    <taxcode>{taxpayer}</taxcode>
    <terminal region="990100" no='0'/>
    <invoice types="2;51" limit="9999999"/>
</company>
"""
_SETTINGS = {
    "upload": {"url": "https://skfp.example.cn:7008/moka", "seconds": 20},
    "backup": {"folder": "/srv/备份", "days": 7},
    "window": {"width": 1024, "recent": ["a", "b"]},
}


def build_packages(folder: Path, *changes: tuple[str, str]) -> None:
    """Build the package of each version: the program, with some texts replaced, and a VERSION."""
    folder.mkdir(parents=True, exist_ok=True)
    program = (HERE / "program" / "moka.py").read_text("utf-8")
    for before, after in changes:
        assert before in program, before
        program = program.replace(before, after)
    for version in VERSIONS:
        with zipfile.ZipFile(folder / f"moka-{version}.zip", "w") as archive:
            archive.writestr("VERSION", f"{version}\n")
            archive.writestr("moka.py", program)


class MokaShop:
    """One taxpayer's client of a version below a PC's root.

    Args:
        bench: has `root`, `state`, `work` and `write` (a scenario's bench).
        run: calls guiwei.
    """

    def __init__(self, bench: Any, run: Any, version: str, bills: int) -> None:
        self.bench = bench
        self._run = run
        self.id = f"{TAXPAYER}-0"
        self.home = bench.root / "srv" / "墨卡 开票" / self.id
        self.keys = bench.root / "dev" / "mokakey"
        for folder in (self.home / "app", self.home / "data", self.keys):
            folder.mkdir(parents=True)
        packages = bench.folder / "packages"
        build_packages(packages)
        with zipfile.ZipFile(packages / f"moka-{version}.zip") as archive:
            archive.extractall(self.home / "app")
        text = json.dumps(_SETTINGS, ensure_ascii=False, indent=4).replace("\n", "\r\n")
        (self.home / "settings.json").write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
        (self.home / "company.xml").write_bytes(_COMPANY.format(taxpayer=TAXPAYER).encode("gbk"))
        self.key = {"serial": DISK, "holder": TAXPAYER, "region": "990100", "terminal": 0, "types": [2, 51],
                    "max_fen": 9999999}  # fmt: skip
        self.plug()
        self._make_books(version, bills)
        build_note = {"instances": [{"taxpayer": TAXPAYER, "machine": "0", "orgcode": "990100", "disk": DISK}]}
        self.vars: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "guiwei_root": str(bench.root),
            "guiwei_state_dir": str(bench.state),
            "guiwei_artifacts": str(packages),
            **build_note,
        }
        bench.write({"products/moka.yml": PROFILE.read_text("utf-8")})
        bench.undo.callback(self._end)

    def _make_books(self, version: str, bills: int) -> None:
        sys.path.insert(0, str(HERE / "program"))
        try:
            import moka
        finally:
            sys.path.pop(0)
        moka.make_books(str(self.books), moka.SCHEMAS[version])
        with contextlib.closing(sqlite3.connect(self.books)) as books:
            for number in range(1, bills + 1):
                day = f"2026{1 + number % 9:02d}{1 + number % 28:02d}"
                row = (f"M{number:08d}", (2, 51)[number % 2], day, f"{number}.{number % 100:02d}",
                       f"0.{number % 100:02d}", int(number % 7 == 0), int(number % 5 > 0))  # fmt: skip
                books.execute("INSERT INTO bills VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            books.commit()

    def send_all(self) -> None:
        """Upload what was not uploaded yet, as far as the books know (schema 1)."""
        with contextlib.closing(sqlite3.connect(self.books)) as books:
            books.execute("UPDATE bills SET sent = 1")
            books.commit()

    # The controller

    def play(self, state: Mapping[str, Any], **more: Any) -> None:
        """Write `play.yml`: this state for every host."""
        made = {"hosts": "all", "product": "moka", "state": state, **more}
        self.bench.write({"play.yml": yaml.safe_dump([made], allow_unicode=True, sort_keys=False)})

    def guiwei(self, *words: str) -> Any:
        """Run one command with the inventory."""
        text = yaml.safe_dump({"all": {"hosts": {"pc1": self.vars}}}, allow_unicode=True, sort_keys=False)
        self.bench.write({"hosts.yml": text})
        return self._run(*words, "-i", "hosts.yml")

    def json(self, *words: str, code: int = 0) -> Any:
        """Run one command that must end with this exit code, and return its document."""
        done = self.guiwei(*words, "--json")
        assert done.code == code, (done.code, re.findall(r'"message": ".*?"(?=,)', done.out), done.err[-2000:])
        return json.loads(done.out)

    # The PC

    @property
    def books(self) -> Path:
        """The database."""
        return Path(self.home, "data", "books.sqlite3")

    def plug(self) -> None:
        """Plug the key in, as `key` has it."""
        (self.keys / f"{DISK}.key").write_text(json.dumps(self.key), encoding="utf-8")

    def unplug(self) -> None:
        """Pull the key out."""
        (self.keys / f"{DISK}.key").unlink()

    def ask(self, *words: str) -> Any:
        """Ask the client itself; returns the finished process."""
        program = [sys.executable, "-I", "-S", str(self.home / "app" / "moka.py"), "--home", str(self.home)]
        return subprocess.run(
            [*program, "--keys", str(self.keys), "--key", DISK, *words], capture_output=True, text=True, check=False
        )

    def status(self) -> dict[str, Any]:
        """Return what the client says of itself."""
        found: dict[str, Any] = json.loads(self.ask("status").stdout)
        return found

    @property
    def company(self) -> str:
        """The text of `company.xml`."""
        return (self.home / "company.xml").read_bytes().decode("gbk")

    @property
    def settings(self) -> dict[str, Any]:
        """What `settings.json` holds."""
        found: dict[str, Any] = json.loads((self.home / "settings.json").read_bytes().decode("utf-8-sig"))
        return found

    def spoil(self, **values: str) -> None:
        """Change values of `company.xml` by hand: `limit="1"`."""
        text = self.company
        for name, value in values.items():
            text, done = re.subn(rf"""\b{name}=(["'])[^"']*\1""", f'{name}="{value}"', text)
            assert done == 1, name
        (self.home / "company.xml").write_bytes(text.encode("gbk"))

    def ledger(self) -> dict[tuple[str, str], tuple[int, Decimal, Decimal]]:
        """Return kind, month → count, amount and tax, out of either schema's own rows."""
        found: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
        with contextlib.closing(sqlite3.connect(f"file:{self.books}?mode=ro", uri=True)) as books:
            for kind, month, net, tax, cancelled in _bills(books):
                count, money, taxes = found.get((kind, month), (0, Decimal(0), Decimal(0)))
                paid = Decimal(0 if cancelled else 1)
                found[kind, month] = (count + 1, money + paid * net, taxes + paid * tax)
        return found

    def _end(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "run" / "moka.pid").read_text("ascii"))
            # The number may be another program's by now.
            if str(self.home).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def _bills(books: sqlite3.Connection) -> Any:
    if books.execute("PRAGMA user_version").fetchone()[0] == 1:
        for row in books.execute("SELECT type, day, net, tax, cancelled FROM bills"):
            code = {2: "007", 51: "026"}[row[0]]
            yield code, f"{row[1][:4]}-{row[1][4:6]}", Decimal(row[2]), Decimal(row[3]), row[4]
        return
    sql = "SELECT kind, at, sum(fen), sum(tax_fen), cancelled FROM doc JOIN doc_line ON doc = id GROUP BY id"
    for row in books.execute(sql):
        month = books.execute("SELECT strftime('%Y-%m', ?, 'unixepoch', '+8 hours')", (row[1],)).fetchone()[0]
        yield row[0], month, Decimal(row[2]) / 100, Decimal(row[3]) / 100, row[4]


def open_moka(bench: Any, run: Any, version: str = "1.0", bills: int = 40) -> MokaShop:
    """Make a PC with a client of this version and its bills (those of schema 1; later ones come by upgrading)."""
    return MokaShop(bench, run, version, bills)
