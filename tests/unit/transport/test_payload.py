"""What travels to the PC."""

from __future__ import annotations

import ast
import hashlib
import os
import shlex
import subprocess
import sys
import zlib

import pytest

from guiwei.model.inventory import Host
from guiwei.target.secret import Secret
from guiwei.transport.command import launch_agent, launch_end
from guiwei.transport.payload import _build, build_payload, program
from guiwei.transport.variables import read_login


def entries(packed: bytes) -> dict[str, bytes]:
    rest, found = zlib.decompress(packed), {}
    while rest:
        head, _, rest = rest.partition(b"\n")
        size, name = head.decode().split(" ")
        found[name], rest = rest[: int(size)], rest[int(size) :]
    return found


def test_payload_is_the_agent_and_the_modules() -> None:
    payload = build_payload()
    found = entries(payload.packed)
    assert hashlib.sha256(zlib.decompress(payload.packed)).hexdigest() == payload.sha256
    assert list(found) == sorted(found)
    assert found["guiwei/__init__.py"] == b""
    assert {"guiwei/errors.py", "guiwei/target/agent.py", "guiwei/modules/file.py"} <= set(found)
    assert all(name.startswith(("guiwei/target/", "guiwei/modules/")) for name in list(found)[2:])
    assert all(name.endswith(".py") for name in found)


def test_payload_is_built_once_and_the_same_elsewhere() -> None:
    assert build_payload() is build_payload()
    text = "from guiwei.transport.payload import build_payload; print(build_payload().sha256)"
    said = {
        subprocess.run(
            [sys.executable, "-c", text],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_pyusb_travels_only_when_it_is_needed() -> None:
    _build.cache_clear()
    plain, full = entries(build_payload().packed), entries(build_payload(usb=True).packed)
    assert {"usb/__init__.py", "usb/core.py", "usb/backend/libusb1.py"} <= set(full)
    assert {name: text for name, text in full.items() if not name.startswith("usb/")} == plain


@pytest.mark.parametrize(("name", "version"), [("start", (3, 5)), ("install", (3, 7)), ("end", (3, 7))])
def test_programs_parse_on_old_pythons(name: str, version: tuple[int, int]) -> None:
    """The first one must parse on a Python that is too old, to be able to say so."""
    ast.parse(program(name), feature_version=version)
    assert b"# " not in program(name)


def test_command_survives_every_shell_word() -> None:
    odd = "/opt/开票 软件's/$(id)/py"
    login = read_login(Host("pc", {"ansible_python_interpreter": odd, "guiwei_state_dir": "/x y'z"}))
    words = shlex.split(launch_agent(login, b"abc").command)
    assert words[:3] == ["exec", odd, "-I"]
    assert words[-3] == "3"
    assert words[-1] == "/x y'z"


def test_secrets_are_not_on_the_command_line() -> None:
    given = {"ansible_password": "pw-one", "ansible_become": True, "ansible_become_password": "pw-two"}
    launch = launch_agent(read_login(Host("pc", given)), b"abc")
    assert launch.password == Secret("pw-two")
    assert "pw-" not in launch.command
    assert launch.prompt.decode() in launch.command
    assert launch.ready != launch.prompt


def test_sudo_never_asks_without_a_password() -> None:
    launch = launch_agent(read_login(Host("pc", {"ansible_become": True, "ansible_become_user": "app"})), b"abc")
    assert " -u app -n -- " in launch.command
    assert launch.password is None


def test_whoever_ends_an_agent_does_not_find_itself() -> None:
    login = read_login(Host("pc", {}))
    agent = launch_agent(login, b"abc")
    assert agent.token in agent.command
    assert agent.token not in launch_end(login, agent.token, b"abc").command


def test_windows_shell() -> None:
    login = read_login(
        Host("pc", {"ansible_shell_type": "cmd", "ansible_python_interpreter": "C:\\guiwei\\python.exe"})
    )
    command = launch_agent(login, b"abc").command
    assert command.startswith("C:\\guiwei\\python.exe -I -S -X utf8 -c \"import sys;f=open(0,'rb');")
    assert "exec python" not in command
