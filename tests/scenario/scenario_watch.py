"""A PC that is given secrets, and everything that was shown or left while it was."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from scenario_bench import INVENTORY, PASSWORD, Bench, Result
from scenario_cases import Run
from scenario_leaks import files_below, forms, found_in

from guiwei.target.journal import journal_entries

__all__ = ["APPLY", "HARD", "PLAN", "Watch", "make_watch"]

PLAN = ("plan", "playbook.yml", "-i", "inventory.yml")
APPLY = ("apply", "playbook.yml", "-i", "inventory.yml", "--yes")

#: Characters that one escaping or another changes.
HARD = "\"\\/&<>中 文+%'"

PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/app.conf, template: app.j2, mode: "0600"}
    - ini: {path: /etc/client.ini, section: 证书, option: 口令, value: "{{ hard }}", encoding: gbk}
    - ini: {path: /etc/client.ini, section: 证书, option: 备用, value: "{{ plain }}", encoding: gbk}
    - sqlite: {path: /etc/client.db, table: setting, key: {name: password}, row: {value: "{{ hard }}"}}
    - command:
        argv: [/bin/sh, -c, "cat >/dev/null; touch @ROOT@/etc/activated"]
        creates: /etc/activated
        given: "{{ hard }}"
    - file: {path: /etc/motd, content: "nothing secret\\n"}
"""

#: The PC's files that hold the secret because the playbook says so.
MANAGED = ("app.conf", "client.ini", "client.db")


class Watch:
    """Everything that was shown, and the secrets that must not be in it."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.shown: list[tuple[str, bytes]] = []
        self.secrets: dict[str, str] = {}

    def rotate(self, suffix: str = "") -> None:
        """Write new secrets into the vault; the old ones stay secret."""
        hard, plain = secrets.token_hex(5) + HARD + secrets.token_hex(5) + suffix, secrets.token_urlsafe(18)
        self.secrets[f"hard-{len(self.secrets)}"] = hard
        self.secrets[f"plain-{len(self.secrets)}"] = plain
        text = f"hard: {self.bench.vaulted(hard)}plain: {self.bench.vaulted(plain)}"
        self.bench.write({"group_vars/all.yml": text})

    def __call__(self, *argv: str, lang: str = "en") -> Result:
        """Run a command with the vault's password and keep what it shows."""
        result = self._run(*argv, "--vault-password-file", str(self.bench.folder / "home" / "password"), lang=lang)
        self.keep(" ".join(argv), result)
        return result

    def keep(self, what: str, result: Result) -> None:
        """Note what a command showed."""
        self.shown.append((what, (result.out + "\0" + result.err).encode("utf-8", "surrogatepass")))

    @property
    def needles(self) -> dict[str, bytes]:
        """Every form of every secret, and of the part of it that no escaping changes."""
        made = {}
        for name, secret in self.secrets.items():
            made.update({f"{name}: {form}": needle for form, needle in forms(secret).items()})
            if HARD in secret:
                head, _, tail = secret.partition(HARD)
                made.update({f"{name} head": head.encode(), f"{name} tail": tail.encode()})
        return made

    def leaks(self) -> list[str]:
        """Return every place that shows a secret and must not."""
        needles = self.needles
        found = [f"{what}: {form}" for what, data in self.shown for form in found_in(data, needles)]
        sealed = self._sealed_images()
        # The controller's own folders, the PC's state folder, and the PC itself.
        for path, data in files_below([self.bench.work, self.bench.folder / "home", self.bench.state, self.bench.root]):
            if path in sealed or (path.parent == self.bench.root / "etc" and path.name in MANAGED):
                continue
            found += [f"{path}: {form}" for form in found_in(data, needles)]
        return found

    def _sealed_images(self) -> set[Path]:
        """Return the before-images of the managed files; they are for their owner's eyes alone."""
        images = set()
        for run in self.bench.journals():
            for entry in journal_entries(str(self.bench.state), run):
                if "image" in entry and Path(str(entry.get("path"))).name in MANAGED:
                    images.add(self.bench.state / "runs" / run / "before" / entry["image"])
        for image in images:
            assert image.stat().st_mode & 0o777 == 0o600
            assert image.parent.stat().st_mode & 0o777 == 0o700
        if self.bench.state.exists():
            assert self.bench.state.stat().st_mode & 0o777 == 0o700
        return images


def make_watch(bench: Bench, run: Run) -> Watch:
    """Write a playbook whose secrets come from the vault, and make the PC ready for it."""
    bench.write(
        {
            "inventory.yml": INVENTORY,
            "playbook.yml": PLAYBOOK,
            "app.j2": "user=clerk\npassword={{ hard }}\nspare={{ plain }}\n",
        }
    )
    (bench.folder / "home" / "password").write_text(PASSWORD)
    with closing(sqlite3.connect(bench.root / "etc" / "client.db")) as database, database:
        database.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT)")
    made = Watch(bench, run)
    made.rotate()
    return made
