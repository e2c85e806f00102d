"""A small fleet, and a controller whose clock says what a test wants."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from scenario_bench import Bench, Result

from guiwei.cli import _clock
from guiwei.invoicing.policies import read_instant

__all__ = ["Fleet"]


class Fleet:
    """PCs below the bench's folder, reached locally.

    Attributes:
        hosts: name → variables; change them to change the inventory.
    """

    def __init__(self, bench: Bench, run: Callable[..., Result], *names: str) -> None:
        self.bench = bench
        self._run = run
        self.hosts: dict[str, dict[str, Any]] = {name: self._vars(name) for name in names or ("pc1",)}
        self.groups: dict[str, list[str]] = {}

    def _vars(self, name: str) -> dict[str, Any]:
        root = self.bench.folder / name
        (root / "etc").mkdir(parents=True)
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "guiwei_root": str(root),
            "guiwei_state_dir": str(self.bench.folder / f"state-{name}"),
        }

    def now(self, text: str) -> None:
        """Let the controller's clock say an instant of Asia/Shanghai."""
        instant = read_instant(text)
        self.bench.environ.setattr(_clock, "instant", lambda: instant)

    @property
    def clock(self) -> datetime:
        """What the controller's clock says."""
        return _clock.instant()

    def off(self, name: str) -> None:
        """Switch a PC off."""
        self.hosts[name] |= {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}

    def on(self, name: str) -> None:
        """Switch a PC on again."""
        self.hosts[name]["ansible_connection"] = "local"

    def play(self, text: str, name: str = "play.yml") -> None:
        """Write a playbook, or another file of the controller."""
        self.bench.write({name: text})

    def guiwei(self, *words: str, lang: str = "en") -> Result:
        """Run a command with the inventory as it stands."""
        children = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in self.groups.items()}
        made = {"all": {"hosts": self.hosts, "children": children}}
        self.bench.write({"hosts.yml": yaml.safe_dump(made, allow_unicode=True, sort_keys=False)})
        return self._run(*words, "-i", "hosts.yml", lang=lang)

    def json(self, code: int, *words: str) -> Any:
        """Run a command, want its exit code, and return its document."""
        done = self.guiwei(*words, "--json")
        assert done.code == code, (done.code, done.out[-3000:], done.err[-3000:])
        return json.loads(done.out)

    def apply(self, code: int = 0, *words: str) -> Any:
        """Apply `play.yml`."""
        return self.json(code, "apply", "play.yml", "--yes", *words)

    def plan(self, code: int, *words: str) -> Any:
        """Plan `play.yml`."""
        return self.json(code, "plan", "play.yml", *words)

    def read(self, path: str, name: str = "pc1") -> str | None:
        """Read a file of a PC, None if it is not there."""
        file = Path(self.hosts[name]["guiwei_root"]) / path
        return file.read_text("utf-8") if file.exists() else None
