"""A PC with Lantai on it and a controller that knows it; what the client and its database say, asked without guiwei."""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from scenario_bench import Bench, Result

from guiwei.report.output_schemas import output_schemas
from lab.lantai import branch, build, disks, faults

__all__ = [
    "KINDS",
    "TAXPAYERS",
    "Run",
    "Shop",
    "codes",
    "errors_in",
    "open_shop",
    "packages",
    "rows_of",
    "snapshot",
    "statuses",
    "steps_of",
    "valid",
]

KINDS = ["004", "007", "026", "028"]
#: Fictional, in a region that does not exist.
TAXPAYERS = tuple(branch.usccs(2027, 3))
_COMPANY = "青禾商贸有限公司"
_NOWHERE = "http://127.0.0.1:9/upload"
#: Internal numbers of the invoice kinds in schema 2, as vendors' public notes give them.
_PUBLIC = {0: "004", 2: "007", 51: "026", 52: "028"}

Rows = dict[tuple[str, str], tuple[int, Decimal, Decimal]]
Run = Callable[..., Result]


@functools.cache
def _store() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="guiwei-test-lantai-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def packages() -> Path:
    """Return a folder with the client's packages, built once per process."""
    folder = _store() / "packages"
    for version in build.VERSIONS:
        build.build(version, str(folder))
    return folder


@functools.cache
def _template(version: str) -> tuple[Path, tuple[branch.Branch, ...]]:
    """Two taxpayers on one PC; the first one's disk is plugged in."""
    root = _store() / f"pc-{version}"
    made = [
        branch.make_branch(
            str(root), version, taxpayer, "0", "990100", _COMPANY, branch.free_port(), _NOWHERE, f"00991234567{n}",
            f"8765432{n}", f"口令abc12{n}", packages=str(packages()), invoices=60, seed=7 + n,
        )
        for n, taxpayer in enumerate(TAXPAYERS[:2])
    ]  # fmt: skip
    disks.unplug(str(root))
    disks.plug(str(root), made[0].disk)
    return root, tuple(made)


class Shop:
    """One PC of a branch below the bench's root, in its inventory as `pc1`, reached locally.

    Attributes:
        all: the taxpayers' clients on it; the first one's disk is plugged in.
    """

    def __init__(self, bench: Bench, run: Run, version: str, taxpayers: int) -> None:
        self.bench = bench
        self.root = str(bench.root)
        self._run = run
        template, made = _template(version)
        shutil.rmtree(bench.root)
        shutil.copytree(template, bench.root, symlinks=True)
        self.all = tuple(self._moved(one) for one in made[:taxpayers])
        self.vars: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "guiwei_root": self.root,
            "guiwei_state_dir": str(bench.state),
            "guiwei_artifacts": str(packages()),
            "instances": [self._told(one) for one in self.all],
        }
        self.hosts: dict[str, dict[str, Any]] = {"pc1": self.vars}
        #: Options that name further inventories.
        self.inventories: tuple[str, ...] = ()
        bench.undo.callback(self._end)

    def _moved(self, one: branch.Branch) -> branch.Branch:
        port = branch.free_port()
        faults.wrong_parameters(self.root, one.instance, port=str(port))
        folder = str(self.bench.root / "var/lib/兰台开票" / one.instance)
        return one._replace(root=self.root, folder=folder, port=port)

    @staticmethod
    def _told(one: branch.Branch) -> dict[str, str]:
        return {
            "taxpayer": one.disk["taxpayer"],
            "machine": "0",
            "orgcode": "990100",
            "disk": one.disk_number,
            "disk_pin": one.pin,
            "certificate_password": one.password,
        }

    @property
    def one(self) -> branch.Branch:
        """The first taxpayer's client."""
        return self.all[0]

    # The controller

    def play(self, state: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Write `play.yml`: this state for every host; by default that the client is up to date and registered."""
        wanted = state if state is not None else {"software": {"version": "3.1.0"}, "disk": {"registered": True}}
        made = {"hosts": "all", "product": "lantai", "state": wanted, **more}
        self.bench.write({"play.yml": yaml.safe_dump([made], allow_unicode=True, sort_keys=False)})

    def guiwei(self, *words: str) -> Result:
        """Run one command with the inventory as it stands in `hosts`."""
        text = yaml.safe_dump({"all": {"hosts": self.hosts}}, allow_unicode=True, sort_keys=False)
        self.bench.write({"hosts.yml": text})
        return self._run(*words, "-i", "hosts.yml", *self.inventories)

    def json(self, *words: str) -> tuple[int, Any]:
        """Run one command and return its exit code and document."""
        done = self.guiwei(*words, "--json")
        assert "Traceback" not in done.err, done.err
        return done.code, json.loads(done.out)

    def apply(self, *words: str, code: int = 0) -> Any:
        """Apply `play.yml` and return the document; the exit code must be `code`."""
        found, document = self.json("apply", "play.yml", "--yes", *words)
        assert found == code, _gist(found, document)
        return valid("run", document)

    def plan(self, *words: str, code: int = 3) -> Any:
        """Plan `play.yml` and return the document; the exit code must be `code`."""
        found, document = self.json("plan", "play.yml", *words)
        assert found == code, _gist(found, document)
        return valid("plan", document)

    def product(self, *changes: tuple[str, str]) -> None:
        """Let the playbook use a profile of its own: the shipped one with some texts replaced."""
        text = (Path(__file__).resolve().parents[2] / "products" / "lantai.yml").read_text("utf-8")
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        self.bench.write({"products/lantai.yml": text})

    # The PC

    def ask(self, *words: str, one: branch.Branch | None = None, stdin: str = "") -> branch.Answer:
        """Ask the client itself."""
        return (one or self.one).run(*words, stdin=stdin)

    def do(self, *words: str, one: branch.Branch | None = None, stdin: str = "") -> dict[str, Any]:
        """Let the client do something that it must do, and return its data."""
        answer = self.ask(*words, one=one, stdin=stdin)
        assert answer.code == 0, answer
        return answer.data

    def log_in(self) -> None:
        """Let the clerk log in; the client must run."""
        self.do("login", "--password-stdin", stdin=self.one.password)

    def issue(self) -> str:
        """Let the clerk issue an invoice and return its number."""
        told = ("issue", "--kind", "007", "--buyer", "路人", "--line", "*餐饮服务*餐费:1:20.00:0.06")
        return str(self.do(*told)["number"])

    def record(self, option: str, section: str | None = None) -> str | None:
        """Read the PC's record with nothing but a look at its lines."""
        text = (self.bench.root / "etc/lantai/record.ini").read_text("utf-8")
        _, _, rest = text.partition(f"[{section or self.one.instance}]")
        found = re.search(rf"^{option}\s*=\s*(.*?)\s*$", rest.partition("\n[")[0], re.MULTILINE)
        return found.group(1) if found else None

    @property
    def versions(self) -> tuple[str | None, str | None]:
        """The program's version and the data's, as the record has them."""
        return self.record("Version"), self.record("DataBaseVersion")

    def settings(self, option: str, one: branch.Branch | None = None) -> str | None:
        """Read an option of the client's settings file."""
        text = Path((one or self.one).folder, "Config", "兰台.ini").read_bytes().decode("gbk")
        found = re.search(rf"^{option}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
        return found.group(1) if found else None

    def rows(self) -> Rows:
        """The ledger out of the database's own rows."""
        return rows_of(Path(self.one.folder, "Data", "lantai.db"))

    def backups(self) -> list[dict[str, Any]]:
        """Return the manifests of the backups on the PC, oldest first."""
        found = sorted(self.bench.state.glob("backups/*/manifest.json"))
        return [json.loads(path.read_text("utf-8")) for path in found]

    def snapshot(self, *without: str) -> dict[str, Any]:
        """Return every path of the PC but logs, run files and `without`."""
        return snapshot(self.bench.root, *without)

    def _end(self) -> None:
        for pid_file in (self.bench.root / "run" / "lantai").glob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(pid_file.read_text("ascii"))
                # The number may be another program's by now.
                if self.root.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)


def open_shop(bench: Bench, run: Run, version: str = "2.4.0", taxpayers: int = 1, running: bool = False) -> Shop:
    """Make a PC with a client of this version, 60 invoices and a registered disk for each taxpayer."""
    shop = Shop(bench, run, version, taxpayers)
    if running:
        shop.do("start")
    return shop


def rows_of(database: Path) -> Rows:
    """Return kind, month → count, amount and tax of an invoicing database, whatever its schema.

    A void invoice counts as a number used, its money does not.
    """
    found: Rows = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute("SELECT * FROM invoice"):
            fen = "amount_fen" in row.keys()  # noqa: SIM118 (a row's own iteration yields values)
            kind = row["kind"] if fen else _PUBLIC[row["kind"]]
            money = [Decimal(row["amount_fen"]) / 100, Decimal(row["tax_fen"]) / 100] if fen else [
                Decimal(row["amount"]), Decimal(row["tax"])]  # fmt: skip
            if row["status"] == "void":
                money = [Decimal(0), Decimal(0)]
            count, amount, tax = found.get((kind, row["issued"][:7]), (0, Decimal(0), Decimal(0)))
            found[kind, row["issued"][:7]] = (count + 1, amount + money[0], tax + money[1])
    return found


def snapshot(root: Path, *without: str) -> dict[str, Any]:
    """Return every path below a root with kind, mode, owner, time and bytes; logs, run files, guiwei's state apart."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.endswith((".log", ".lock")) or name.startswith(("run", "var/lib/guiwei", *without)):
            continue
        about = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = (oct(about.st_mode), about.st_uid, about.st_gid, content)
    return found


def steps_of(document: Any, host: str = "pc1") -> list[dict[str, Any]]:
    """Return all steps of a host in a plan's or run's document."""
    found = next(each for each in document["hosts"] if each["host"] == host)
    if "stages" in found:
        return [step for stage in found["stages"] for step in stage["steps"]]
    steps: list[dict[str, Any]] = found["steps"]
    return steps


def valid(name: str, document: Any) -> Any:
    """Return a document that fits its schema."""
    jsonschema.validate(document, output_schemas()[name], cls=jsonschema.Draft202012Validator)
    return document


def statuses(document: Any) -> dict[str, Any]:
    """Return host → status, and host/instance → status."""
    found = {host["host"]: host["status"] for host in document["hosts"]}
    for host in document["hosts"]:
        found.update({f"{host['host']}/{each['id']}": each["status"] for each in host["instances"]})
    return found


def errors_in(document: Any) -> list[dict[str, Any]]:
    """Return every error in a document, in order."""
    found: list[dict[str, Any]] = []
    if isinstance(document, dict):
        if "code" in document and "message" in document:
            found.append(document)
        for item in document.values():
            found += errors_in(item)
    elif isinstance(document, list):
        for item in document:
            found += errors_in(item)
    return found


def codes(document: Any) -> list[str]:
    """Return the code of every error in a document, in order, each once."""
    return list(dict.fromkeys(error["code"] for error in errors_in(document)))


def _gist(code: int, document: Any) -> str:
    """What a person needs of a document to see why it is not the one that was expected."""
    if "hosts" not in document:
        return f"exit {code}: {document}"
    lines = [f"exit {code}: {statuses(document)}"]
    lines += [f"{error['code']} {error['args']} {error['place']}" for error in errors_in(document)]
    for host in document["hosts"]:
        steps = host.get("steps") or [step for stage in host.get("stages", ()) for step in stage["steps"]]
        lines += [f"  {step.get('status', step.get('kind'))} {step['id']}" for step in steps]
        checks = [check for each in host["instances"] for check in each.get("checks", ())]
        lines += [f"  {check['name']} {check['found']}" for check in checks if not check["ok"]]
    return "\n".join(lines)
