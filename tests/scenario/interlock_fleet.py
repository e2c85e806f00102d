"""Three branch PCs, each with its own disk, to be mixed up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from lantai_support import errors_in, statuses, valid
from scenario_bench import Bench
from scenario_cases import Run

from lab.lantai import disks
from lab.lantai.uscc import usccs

__all__ = ["DISKS", "NAMES", "TAXPAYERS", "Fleet", "refusals"]

#: A client that is nothing but a settings file; whatever disk is plugged in is asked what it is.
PRODUCT = """\
product: mini
title: {en: Mini, zh: 迷你}
instance:
  id: "{{ instance.taxpayer }}.{{ instance.machine }}"
  fields:
    taxpayer: {type: taxpayer, required: true}
    machine: {type: machine, required: true}
    disk: {type: digits12, required: true}
present:
  module: file
  with: {path: "/dev/taxdisk/{{ instance.disk }}.json"}
  field: mode
device:
  module: inquiry
  with: {argv: [/bin/sh, -c, 'cat "$0"/dev/taxdisk/*.json', "{{ facts.root }}"]}
  field: answer
device_usb: {kinds: [金税盘], number: serial}
parameters:
  taxpayer:
    path: parameters.taxpayer
    label: {en: taxpayer id, zh: 税号}
    type: taxpayer
    kind: mirrored
    identity: taxpayer
    device: taxpayer
    module: ini
    with: {path: /etc/client.ini, section: a, option: taxpayer}
    field: value
  machine:
    path: parameters.machine
    label: {en: machine number, zh: 开票机号}
    type: machine
    kind: asserted
    identity: machine
    device: machine
  number:
    path: disk.number
    label: {en: disk number, zh: 税控盘编号}
    type: digits12
    kind: asserted
    identity: disk
    device: number
  name:
    path: parameters.name
    label: {en: company name, zh: 单位名称}
    type: text
    kind: settable
    module: ini
    with: {path: /etc/client.ini, section: a, option: name}
    field: value
"""
PLAYBOOK = """\
- hosts: all
  product: mini
  state: {parameters: {name: "{{ company | default('right') }}"}}
"""
NAMES = ("pc1", "pc2", "pc3")
TAXPAYERS = dict(zip(NAMES, usccs(2061, 3), strict=True))
DISKS = {name: f"00990000000{number}" for number, name in enumerate(NAMES, 1)}


class Fleet:
    """Three branch PCs, each with its disk; `pc3` is never any trouble."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        bench.write({"products/mini.yml": PRODUCT, "playbook.yml": PLAYBOOK})
        self.hosts: dict[str, dict[str, Any]] = {}
        for name in NAMES:
            self._make(name)

    def _make(self, name: str) -> None:
        for folder in ("etc", "dev/taxdisk"):
            (self.root(name) / folder).mkdir(parents=True)
        (self.root(name) / "etc/machine-id").write_text(f"{name:0<32}\n")
        (self.root(name) / "etc/client.ini").write_text(f"[a]\nname=wrong\ntaxpayer={TAXPAYERS[name]}\n")
        self.plug(name, self.disk(name))
        self.hosts[name] = {
            "ansible_connection": "local",
            "guiwei_root": str(self.root(name)),
            "guiwei_state_dir": str(self.state(name)),
            "instances": [{"taxpayer": TAXPAYERS[name], "machine": 0, "disk": DISKS[name]}],
        }

    def root(self, name: str) -> Path:
        return self.bench.folder / name

    def state(self, name: str) -> Path:
        return self.bench.folder / f"{name}.state"

    @staticmethod
    def disk(name: str, **more: Any) -> dict[str, Any]:
        """Return the disk that was issued to a branch."""
        return {**disks.make_disk(DISKS[name], TAXPAYERS[name], "12345678"), **more}

    def plug(self, name: str, disk: dict[str, Any]) -> None:
        disks.plug(str(self.root(name)), disk)

    def unplug(self, name: str) -> dict[str, Any]:
        return disks.unplug(str(self.root(name)))

    def issue(self, name: str, taxpayer: str) -> None:
        """Let a PC's client be set up for another taxpayer."""
        client = self.root(name) / "etc/client.ini"
        client.write_text(client.read_text().replace(TAXPAYERS[name], taxpayer))

    def company(self, name: str) -> str:
        return (self.root(name) / "etc/client.ini").read_text().partition("name=")[2].partition("\n")[0]

    def everything(self) -> dict[str, bytes]:
        """Return every file of every PC and of guiwei's folders there."""
        folders = [folder for name in self.hosts for folder in (self.root(name), self.state(name))]
        return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    def call(self, code: int, *words: str) -> Any:
        """Run one command on the fleet and return its document."""
        self.bench.write({"hosts.yml": yaml.safe_dump({"all": {"hosts": self.hosts}}, sort_keys=False)})
        result = self._run(words[0], "playbook.yml", "-i", "hosts.yml", *words[1:], "--json")
        assert "Traceback" not in result.err, result.err
        assert result.code == code, (statuses(json.loads(result.out)), errors_in(json.loads(result.out)))
        return valid("plan" if words[0] == "plan" else "run", json.loads(result.out))

    def apply(self, code: int, *words: str, company: str = "right") -> Any:
        return self.call(code, "apply", "--yes", "-e", f"company={company}", *words)

    def refused(self, *names: str, code: str, others: dict[str, str]) -> None:
        """These hosts are refused and name each other, in the plan and in the apply; all others go on."""
        before = {name: self.company(name) for name in NAMES}
        plan = self.call(4, "plan")
        assert refusals(plan) == {name: (code, others[name]) for name in names}
        assert all(not host["stages"] for host in plan["hosts"] if host["host"] in names)
        assert {self.company(name) for name in NAMES} == set(before.values()), "a plan changes nothing"
        done = self.apply(4, "--lockstep", company="again")
        assert refusals(done) == {name: (code, others[name]) for name in names}
        told = {name: self.company(name) for name in NAMES}
        assert {name: told[name] for name in names} == {name: before[name] for name in names}
        assert told["pc3"] == "again"


def refusals(document: Any) -> dict[str, tuple[str, str]]:
    """Return host → (code, the other host that is named) of every refused host."""
    return {
        host["host"]: (host["error"]["code"], host["error"]["args"]["other"])
        for host in document["hosts"]
        if host["status"] == "refused"
    }
