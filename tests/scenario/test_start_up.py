"""What a command loads before it does anything: a thousand branches wait for it, so nothing that it has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLAY = "- hosts: all\n  tasks:\n    - file: {path: /etc/a.txt, content: a}\n"
#: One PC that is nobody's: connecting is refused at once.
HOSTS = "all: {hosts: {pc1: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: root}}}\n"
#: Runs a command and prints what it loaded.
LOADED = (
    "import json, sys; from guiwei.cli.main import main; main(sys.argv[1:]); print(json.dumps(sorted(sys.modules)))"
)


def loaded(folder: Path, *words: str) -> set[str]:
    (folder / "play.yml").write_text(PLAY)
    (folder / "hosts.yml").write_text(HOSTS)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=folder,
        env={"GUIWEI_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_of_ssh_only_what_is_used(tmp_path: Path, command: str) -> None:
    """paramiko's reader of OpenSSH's settings would bring these; so would a look at a calendar that nobody asks."""
    words = [command, "play.yml", "-i", "hosts.yml", *(["--yes"] if command == "apply" else [])]
    found = loaded(tmp_path, *words)
    assert {"paramiko", "guiwei.transport.ssh"} <= found, "the host was not even tried"
    assert found & {"invoke", "unittest.mock", "asyncio", "jsonschema"} == set()


def test_no_ssh_where_there_is_none(tmp_path: Path) -> None:
    found = loaded(tmp_path, "check", "play.yml", "-i", "hosts.yml")
    assert found & {"paramiko", "invoke", "asyncio", "jsonschema"} == set()


def test_who_wants_invoke_has_it() -> None:
    """It is kept from paramiko alone."""
    program = (
        "from guiwei.transport.ssh_library import load_paramiko; load_paramiko(); load_paramiko();"
        "import paramiko, invoke; assert paramiko.config.invoke is None; print(invoke.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "invoke\n"), done.stderr
