"""A controller's folder and one PC below a root, and how to tell that the PC is as it was."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from guiwei.language.vault import encrypt

__all__ = ["INVENTORY", "PASSWORD", "PLAYBOOK", "TAXPAYER", "Bench", "Result"]

#: Fictional, with a right check digit; its region does not exist.
TAXPAYER = "91996731333271677W"

INVENTORY = """\
all:
  hosts:
    pc1:
      ansible_connection: local
      guiwei_root: @ROOT@
      guiwei_state_dir: @STATE@
"""

#: Would change the PC if anything let it through.
PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/motd, content: "guiwei was here\\n"}
"""

PASSWORD = "correct horse"


class Result(NamedTuple):
    """Exit code and both streams of one command."""

    code: int
    out: str
    err: str


class Bench:
    """`work` is the controller's folder, `root` the PC's `/`, `state` guiwei's folder on the PC.

    Attributes:
        known: name → what `@name@` stands for in a case's files.
        undo: what ends with the test.
    """

    def __init__(self, folder: Path, environ: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.environ = environ
        self.work = folder / "work"
        self.root = folder / "pc"
        self.state = folder / "state"
        for path in (self.work, self.root / "etc", folder / "home"):
            path.mkdir(parents=True)
        (self.root / "etc" / "motd").write_text("welcome\n")
        (self.root / "etc" / "client.ini").write_bytes("[单位]\r\n名称=示例\r\n".encode("gbk"))
        os.chmod(self.root / "etc" / "client.ini", 0o640)
        self.known: dict[str, str] = {}
        self.undo = ExitStack()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files of the controller; `@NAME@` in a text is filled in."""
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else self.filled(content).encode())

    def filled(self, text: str) -> str:
        """Return a text with `@ROOT@`, `@STATE@` and what a case knows filled in."""
        for name, value in {"ROOT": str(self.root), "STATE": str(self.state), **self.known}.items():
            text = text.replace(f"@{name}@", value)
        return text

    def vaulted(self, text: str, vault_id: str | None = None) -> str:
        """Return a text as the value of `!vault |`, indented for a key in column one."""
        lines = encrypt(text.encode(), PASSWORD.encode(), vault_id).splitlines()
        return "!vault |\n" + "".join(f"  {line}\n" for line in lines)

    def snapshot(self) -> dict[str, Any]:
        """Return every path of the PC with its kind, mode, owner and bytes."""
        found: dict[str, Any] = {}
        for path in sorted([self.root, *self.root.rglob("*")]):
            about = path.lstat()
            content = ""
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(self.root))] = (oct(about.st_mode), about.st_uid, about.st_gid, content)
        return found

    def journals(self) -> list[str]:
        """Return the ids of the runs that have written on the PC."""
        runs = self.state / "runs"
        return sorted(os.listdir(runs)) if runs.is_dir() else []

    def normal(self, text: str) -> str:
        """Return what the user sees without what differs from run to run: folders, ports, ids, times, keys."""
        for path, name in ((self.root, "ROOT"), (self.state, "STATE"), (self.work, "WORK"), (self.folder, "TMP")):
            text = text.replace(str(path), f"<{name}>")
        for name, value in self.known.items():
            text = text.replace(value, f"<{name}>") if value else text
        rules = (
            (r"SHA256:[A-Za-z0-9+/]{43}", "<FINGERPRINT>"),
            (r"\d{8}T\d{6}-[0-9a-f]{6}", "<RUN>"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ?)?( UTC)?", "<TIME>"),
            (r"\b\d+\.\d+( s\b| 秒|\b(?=\s*$))", r"<SECONDS>\1"),
            (r"<SECONDS>(?! )", "<SECONDS>"),
            (r" +\n", "\n"),
            # Columns of a table are as wide as their widest cell; a caret stands where it stands.
            (r"^(?!.*│).*$", lambda line: re.sub(r"(?<=\S) {2,}", "  ", line.group())),
            (r"[─━-]{8,}", "───"),
        )
        for pattern, instead in rules:
            text = re.sub(pattern, instead, text, flags=re.MULTILINE)
        return text.strip() + "\n"
