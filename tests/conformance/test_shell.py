"""Shell commands for those who look at a PC by themselves: the same over every way to a PC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.asking import eventually
from support.pc import Pc, processes_with

from guiwei.errors import HostError, UnreachableError
from guiwei.transport.jumps import Jumps
from guiwei.transport.shell import Shell
from guiwei.transport.variables import read_login


@pytest.fixture
def shell(pc: Pc) -> Iterator[Shell]:
    made = Shell(read_login(pc.host()), replace(pc.settings, step_timeout=20), Jumps())
    yield made
    made.close()


def test_it_tells_what_a_command_says_and_how_it_ends(shell: Shell) -> None:
    said = shell.run("printf '税号\\n%s' \"$(printf x)\"; echo 'oh no' >&2; exit 7")
    assert said == (7, "税号\nx".encode(), b"oh no\n")
    assert shell.run("true").code == 0
    assert shell.run("kill -9 $$").code != 0
    assert shell.run("no-such-command-here").code == 127
    assert shell.run("echo one # and no more").out == b"one\n"


def test_nothing_is_on_standard_input_and_much_comes_out(shell: Shell) -> None:
    assert shell.run("cat; read x; echo ${x:-nothing}").out == b"nothing\n"
    assert len(shell.run("head -c 3000000 /dev/zero").out) == 3_000_000
    assert (
        shell.run("i=0; while [ $i -lt 4000 ]; do echo loud loud loud loud >&2; i=$((i+1)); done; echo end").out
        == b"end\n"
    )
    assert shell.run("exec >&- 2>&-; sleep 3; exit 5").code == 5


def test_a_command_that_hangs_is_ended_and_the_next_one_works(pc: Pc, tmp_path: Path) -> None:
    shell = Shell(read_login(pc.host()), replace(pc.settings, step_timeout=2), Jumps())
    mark = "7919.25"
    try:
        with pytest.raises(HostError) as caught:
            shell.run(f"sleep {mark} & sleep {mark}; echo never")
        assert (caught.value.code, caught.value.arguments["op"]) == ("deadline-passed", "shell")
        assert eventually(lambda: not processes_with(mark))
        assert shell.run("echo again").out == b"again\n"
    finally:
        shell.close()


def test_a_host_that_cannot_be_reached_is_asked_once(ssh_pc: Pc) -> None:
    """Each try at a wrong password is counted somewhere."""
    shell = Shell(read_login(ssh_pc.host(ansible_port=1)), ssh_pc.settings, Jumps())
    for _ in range(2):
        with pytest.raises(UnreachableError) as caught:
            shell.run("true")
        assert caught.value.code == "connect-refused"


@pytest.mark.parametrize("sudo", ["/bin/false", "/nowhere/sudo"])
def test_a_sudo_that_refuses_is_no_answer_to_a_command(pc: Pc, sudo: str) -> None:
    shell = Shell(read_login(pc.host(ansible_become=True, ansible_become_exe=sudo)), pc.settings, Jumps())
    before = pc.execs()
    for _ in range(2):
        with pytest.raises(HostError, match="sudo-password"):
            shell.run("true")
    shell.close()
    assert pc.execs() == before + 1, "it is not tried again"


def test_a_connection_that_goes(ssh_pc: Pc) -> None:
    shell = Shell(read_login(ssh_pc.host()), ssh_pc.settings, Jumps())
    assert shell.run("true").code == 0
    shell._link.close()  # type: ignore[union-attr]
    for _ in range(2):
        with pytest.raises(UnreachableError, match=re.escape("connection-lost")):
            shell.run("true")


def test_windows_has_no_such_shell(pc: Pc) -> None:
    shell = Shell(read_login(pc.host(ansible_shell_type="cmd")), pc.settings, Jumps())
    with pytest.raises(HostError, match="shell-windows"):
        shell.run("dir")
