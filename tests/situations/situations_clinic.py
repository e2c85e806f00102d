"""A branch PC in working order that something happens to: what the clerk sees, and what guiwei makes of it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from lantai_support import KINDS, Run, codes, errors_in, open_shop, packages, valid
from scenario_bench import Bench

from lab.lantai import branch, build, disks, faults
from lab.lantai.upload_server import UploadServer

__all__ = ["Clinic", "Symptom"]


_BACKUPS: dict[tuple[str, int], Path] = {}


class Symptom(NamedTuple):
    """What a clerk sees who tries to work: at what, the client's exit code, and what it says."""

    doing: str
    code: int
    message: str


class Clinic:
    """One PC: client 3.1 (or older), registered disk, 60 invoices, backed up by guiwei, running, the server answering.

    Attributes:
        ledger: kind, month → count, amount, tax, out of the database's own rows before anything happened.
        result: checks and reconciliation of the last recovery that did something.
    """

    def __init__(
        self, bench: Bench, run: Run, server: UploadServer, version: str = "3.1.0", taxpayers: int = 1
    ) -> None:
        self.server = server
        self.result: dict[str, Any] = {"reconciled": None}
        self.shop = open_shop(bench, run, version, taxpayers)
        self.version = version
        for each in build.DRIVERS:
            if not Path(build.driver_path(str(packages()), each)).exists():
                build.build_driver(each, str(packages()))
        for one in self.shop.all:
            Path(one.folder, "Config", "安全接入地址.txt").write_bytes(server.url.encode("gbk") + b"\r\n")
        self.shop.vars["upload_address"] = server.url
        self.play()
        self._backed_up()
        self.shop.do("start")
        self.shop.log_in()
        self.ledger = self.shop.rows()

    def _backed_up(self) -> None:
        """Give the PC a backup of its healthy client: guiwei makes one for each kind of PC, the others get copies."""
        key = (self.version, len(self.shop.all))
        if key not in _BACKUPS:
            code, document = self.shop.json("backup", "play.yml")
            assert code == 0, document
            kept = Path(tempfile.mkdtemp(prefix="guiwei-test-backups-"))
            atexit.register(shutil.rmtree, kept, ignore_errors=True)
            shutil.copytree(self.shop.bench.state / "backups", kept / "backups", symlinks=True)
            _BACKUPS[key] = kept
            return
        self.shop.bench.state.mkdir(mode=0o700)
        shutil.copytree(_BACKUPS[key] / "backups", self.shop.bench.state / "backups", symlinks=True)

    @property
    def root(self) -> str:
        return self.shop.root

    @property
    def instance(self) -> str:
        return self.shop.one.instance

    def play(self, **more: Any) -> None:
        """Write the playbook: what this client must be, whatever happens to it."""
        parameters = {"kinds": KINDS, "limit": "万元版", "upload_address": "{{ upload_address }}"}
        self.shop.play({"parameters": parameters, "disk": {"registered": True}, **more})

    def backup(self) -> str:
        """Let guiwei make a backup of the healthy client, and return its id."""
        code, document = self.shop.json("backup", "play.yml")
        assert code == 0, document
        self.shop.log_in()
        return str(self.shop.backups()[-1]["backup"])

    @property
    def tries(self) -> int | None:
        """PIN tries left on the one disk that is plugged in; None if that cannot be told."""
        try:
            (disk,) = disks.plugged(self.root).values()
        except ValueError:
            return None
        return int(disk["pin_tries_left"])

    @property
    def full_tries(self) -> int:
        """PIN tries of a fresh disk."""
        return int(self.shop.one.disk["pin_tries_left"])

    def works(self) -> bool:
        """Whether the client itself says that it can invoice."""
        about = self.shop.do("status")
        wanted = {"answering": True, "settings": "ok", "database": "ok", "registered": True, "needs_activation": False}
        return {name: about[name] for name in wanted} == wanted and about["disk"]["state"] == "ok"

    def ready(self) -> None:
        """Put the PC into the group of the ready playbooks, with the variables that they use."""
        self.shop.bench.write({"group.yml": "all: {children: {branches: {hosts: {pc1: }}}}\n"})
        self.shop.vars.update(company=self.shop.settings("名称"))
        self.shop.inventories = ("-i", "group.yml")

    def recover(self, *words: str, code: int = 0, playbook: str = "play.yml") -> dict[str, Any]:
        """Recover the PC and return what is told of its first client."""
        found, document = self.shop.json("recover", playbook, "--yes", *words)
        assert found == code, (found, codes(errors_in(document)), _gist(document))
        if "hosts" not in document:
            return {}
        (host,) = valid("recovery", document)["hosts"]
        instance: dict[str, Any] = next(each for each in host["instances"] if each["id"] == self.instance)
        if instance["rounds"]:
            self.result = next(each for each in host["result"]["instances"] if each["id"] == self.instance)
        return instance

    def symptom(self) -> Symptom:
        """Find out what a clerk sees, on a copy of the PC where that could change anything."""
        about = self.shop.ask("status")
        if about.data.get("running") and not about.data.get("answering"):
            return Symptom("status", 10, about.message)
        with tempfile.TemporaryDirectory(prefix="guiwei-symptom-") as folder:
            root = str(Path(folder, "pc"))
            shutil.copytree(self.root, root, symlinks=True)
            one = self.shop.one._replace(root=root)
            if about.data.get("running"):
                # The copy must not get into the way of the client that runs.
                faults.wrong_parameters(root, self.instance, port=str(branch.free_port()))
            try:
                return _try(one, bool(about.data.get("running")))
            finally:
                if Path(branch.program(root, self.instance), "bin").exists():
                    one.run("stop", "--force")


def _gist(document: dict[str, Any]) -> list[Any]:
    clients = [each for host in document.get("hosts", ()) for each in host["instances"]]
    return [(each["status"], each["findings"], [one["causes"] for one in each["rounds"]]) for each in clients]


def _try(one: branch.Branch, running: bool) -> Symptom:
    told = ("--kind", "007", "--buyer", "路人", "--line", "*餐饮服务*餐费:1:20.00:0.06")
    for doing, words, stdin in (
        ("start", ("start",), ""),
        ("login", ("login", "--password-stdin"), one.password),
        ("issue", ("issue", *told), ""),
        ("network", ("network", "--tries", "5"), ""),
    ):
        answer = one.run(*words, stdin=stdin)
        if answer.code:
            return Symptom(doing, answer.code, answer.message or answer.stderr.strip().splitlines()[-1])
        if doing == "start" and not running:
            # It starts when somebody starts it: what the clerk sees is that it is gone.
            return Symptom("running", 10, "没有运行")
        if doing == "network" and answer.data["loss"]:
            return Symptom(doing, 19, answer.message)
    return Symptom("nothing", 0, "")
