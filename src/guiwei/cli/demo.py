"""`guiwei demo`: the whole line on three branch PCs of its own, told step by step."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guiwei.cli._inputs import bundled
from guiwei.cli._options import common_options
from guiwei.cli._output import Output
from guiwei.errors import HostError

if TYPE_CHECKING:
    from guiwei.lab.fleet import Fleet

__all__ = ["command"]


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep everything in this folder. 保留在此目录。")
@common_options
def command(keep: Path | None, output: Output) -> int:
    """Show the whole line on three branch PCs of its own; needs neither root nor sshd. 演示全过程。"""
    from guiwei.lab.fleet import Fleet

    with _folder(keep) as folder:
        fleet = Fleet(folder / "lab")
        output.say("demo-build")
        fleet.build(lambda name: None)
        # The commands are the ones that a person would type, in the folder where the files lie.
        with fleet, contextlib.chdir(folder):
            _Demo(fleet, folder, output).play()
    return 0


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="guiwei-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Demo:
    """Runs guiwei's own commands, one after the other, as a person would."""

    def __init__(self, fleet: Fleet, folder: Path, output: Output) -> None:
        self._fleet = fleet
        self._folder = folder
        self._output = output
        self._playbook = "playbooks/version-upgrade.yml"
        self._inventory = folder / "inventory"
        self._password = folder / "vault-password"
        self._step = 0

    def play(self) -> None:
        """Tell and do every step; a step that does not end as it should stops the demo.

        Raises:
            HostError: a command ended with another exit code than it must (`demo-failed`).
        """
        self._prepare()
        self._tell("demo-check")
        self._guiwei(0, "check", self._playbook)
        before = self._facts()
        self._tell("demo-plan")
        self._guiwei(3, "plan", self._playbook)
        self._tell("demo-apply")
        self._guiwei(0, "apply", self._playbook, "--yes", "--issue", "--override-calendar", "demo 演示")
        self._tell("demo-again")
        self._guiwei(0, "plan", self._playbook)
        self._tell("demo-end")
        self._compare(before, self._facts())

    def _prepare(self) -> None:
        """Write the inventory, and the PCs' secrets into a vault; trust the keys that were made a moment ago."""
        import secrets

        import yaml

        from guiwei.cli.lab import trust_fleet
        from guiwei.language.vault import encrypt

        shutil.copytree(bundled("playbooks"), self._folder / "playbooks", dirs_exist_ok=True)
        os.environ["GUIWEI_HOME"] = str(self._folder / "home")
        os.environ["GUIWEI_KNOWN_HOSTS"] = str(self._folder / "known_hosts")
        password = secrets.token_hex(16)
        self._password.touch(mode=0o600)
        self._password.write_text(password, encoding="ascii")
        self._inventory.mkdir(exist_ok=True)
        hosts = yaml.safe_dump(self._fleet.inventory(), allow_unicode=True, sort_keys=False)
        (self._inventory / "hosts.yml").write_text(hosts, encoding="utf-8")
        for host, values in self._fleet.secrets().items():
            path = self._inventory / "host_vars" / host / "vault.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            plain = yaml.safe_dump(values, allow_unicode=True).encode("utf-8")
            path.write_text(encrypt(plain, password.encode("ascii")), encoding="ascii")
        trust_fleet(self._fleet.folder, self._folder / "known_hosts")

    def _tell(self, code: str) -> None:
        from rich.text import Text

        self._step += 1
        console = self._output.console
        console.print()
        console.print(Text(f"{self._step}  {self._output.words.say(code)}", style="gw.head"))
        console.print(Text(self._output.words.say(code + "-why"), style="gw.muted"))

    def _guiwei(self, expected: int, *words: str) -> None:
        from rich.text import Text

        from guiwei.cli.main import main

        typed = [*words, "-i", self._inventory.name, "--vault-password-file", self._password.name]
        self._output.console.print(Text(f"$ {' '.join(('guiwei', *typed))}", style="gw.strong"))
        code = main([*typed, "--lang", self._output.lang])
        if code != expected:
            raise HostError("demo-failed", command=words[0], found=code, expected=expected)

    def _facts(self) -> dict[str, dict[str, Any]]:
        """Ask each client itself, not guiwei: version, data, disk, settings and the number of invoices."""
        from guiwei.lab.fleet import PCS
        from guiwei.lab.lantai.branch import lantai

        found = {}
        for pc in PCS:
            root = str(self._fleet.root(pc))
            status = lantai(root, "status", instance=pc.instance).data
            summary = lantai(root, "summary", instance=pc.instance).data
            found[pc.name] = {
                "version": status.get("version"),
                "data": status.get("database_version"),
                "running": status.get("answering"),
                "registered": status.get("registered"),
                "limit": status.get("limit"),
                "kinds": ",".join(status.get("kinds") or ()),
                "count": summary.get("count"),
                "amount": summary.get("amount"),
            }
        return found

    def _compare(self, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> None:
        from guiwei.report.tables import Column, small_table

        words = self._output.words
        rows = [
            [host, words.say(f"demo-{name}"), _shown(before[host][name]), _shown(after[host][name])]
            for host in before
            for name in before[host]
            if before[host][name] != after[host][name] or name in ("count", "amount")
        ]
        columns = [
            Column("column-host", wrap=False),
            Column("column-what", wrap=False),
            Column("column-before", wrap=False),
            Column("column-after", wrap=False),
        ]
        self._output.console.print(small_table(columns, rows, words))
        self._output.document({"before": before, "after": after})


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
