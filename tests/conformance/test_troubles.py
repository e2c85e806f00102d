"""What goes wrong on a PC, over every transport: each has its own error, and nothing hangs."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.asking import apply, command, eventually, file, observe
from support.pc import Pc, processes_with

from guiwei.errors import HostError, UnknownOutcomeError
from guiwei.target.journal import journal_entries
from guiwei.target.secret import Secret
from guiwei.transport.connect import connect
from guiwei.transport.session import Session


def interpreter(folder: Path, script: str) -> str:
    """Return a program that stands for the PC's Python; `$@` are Python's own arguments."""
    path = folder / f"python-{len(list(folder.iterdir()))}"
    path.write_text("#!/bin/sh\n" + script.replace("PYTHON", f"'{sys.executable}'") + "\n")
    path.chmod(0o755)
    return str(path)


def failure(pc: Pc, request: dict[str, Any], **more: Any) -> HostError:
    with pc.connect(**more) as session, pytest.raises(HostError) as caught:
        session.ask(request)
    return caught.value


def test_noise_on_standard_error_does_no_harm(pc: Pc, tmp_path: Path) -> None:
    """Five megabytes: more than any window or pipe holds."""
    noisy = interpreter(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' 'x' >&2; exec PYTHON \"$@\"")
    with pc.connect(ansible_python_interpreter=noisy) as session:
        assert session.ask(observe())["op"] == "observed"


def test_a_banner_where_frames_should_be_is_shown(pc: Pc, tmp_path: Path) -> None:
    banner = interpreter(tmp_path, "echo 'Welcome to 分店一'; exec PYTHON \"$@\"")
    error = failure(pc, observe(), ansible_python_interpreter=banner)
    assert error.code == "frame-broken"
    assert "Welcome to 分店一" in error.arguments["detail"]


def test_a_shell_that_refuses_is_shown(pc: Pc, tmp_path: Path) -> None:
    error = failure(
        pc, observe(), ansible_python_interpreter=interpreter(tmp_path, "echo 'This account is not available.'; exit 1")
    )
    assert error.code == "frame-broken"
    assert "not available" in error.arguments["detail"]


def test_a_shell_that_refused_before_it_was_written_to_is_shown(pc: Pc, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.touch()
    said.chmod(0o666)  # sshd's user is another
    refusing = interpreter(tmp_path, f"echo 'This account is not available.'; echo said > '{said}'; exit 1")
    with pc.connect(ansible_python_interpreter=refusing) as session:
        eventually(lambda: said.read_text() and not processes_with(refusing))
        with pytest.raises(HostError) as caught:
            session.ask(observe())
    assert caught.value.code == "frame-broken"
    assert "not available" in caught.value.arguments["detail"]


@pytest.mark.parametrize("python", ["/no/such/python3", ["/no/such/python3", "nor-this"]])
def test_no_python(pc: Pc, python: Any) -> None:
    for request in (observe(), apply("r", file("/etc/a", content="a"))):
        error = failure(pc, request, ansible_python_interpreter=python)
        assert error.code == "python-missing"
        assert "/no/such/python3" in error.arguments["python"]
        assert error.arguments["host"] == "pc-1"


def test_python_3_too_old(pc: Pc, tmp_path: Path) -> None:
    old = "import sys; sys.version_info = (3, 6, 15, 'final', 0); del sys.argv[0:0]"
    script = f'shift 4; shift; prog="$1"; shift; exec PYTHON -I -S -c "{old}; $prog" "$@"'
    error = failure(pc, observe(), ansible_python_interpreter=interpreter(tmp_path, script))
    assert error.code == "python-too-old"
    assert error.arguments["version"] == "3.6.15"


def test_python_2(pc: Pc, tmp_path: Path) -> None:
    script = "echo 'Unknown option: -I' >&2; echo 'usage: python2 [option] ...' >&2; exit 2"
    assert failure(pc, observe(), ansible_python_interpreter=interpreter(tmp_path, script)).code == "python-too-old"


def test_an_agent_that_is_killed_while_looking(pc: Pc) -> None:
    looking = {"argv": ["/bin/true"], "unless": ["/bin/sh", "-c", "kill -9 $PPID"]}
    error = failure(pc, observe(("command", looking)))
    assert error.code == "agent-died"


def test_an_agent_that_dies_while_writing_leaves_the_outcome_unknown(pc: Pc) -> None:
    error = failure(pc, apply("run-1", file("/etc/a", content="a"), command("/bin/sh", "-c", "kill -9 $PPID")))
    assert isinstance(error, UnknownOutcomeError)
    assert (error.code, error.arguments["cause"]) == ("outcome-unknown", "agent-died")
    assert pc.real("etc/a").read_text() == "a"
    results = [e for e in journal_entries(str(pc.state_dir), "run-1") if e["op"] == "result"]
    assert [entry["step"] for entry in results] == ["s1"]


def test_what_the_agent_said_at_its_end_is_quoted_without_secrets(pc: Pc, tmp_path: Path) -> None:
    script = "echo 'Traceback: no such thing as hunter2-secret' >&2; exit 1"
    step = file("/etc/a", content=Secret("hunter2-secret"))
    error = failure(pc, apply("run-1", step), ansible_python_interpreter=interpreter(tmp_path, script))
    assert "no such thing as" in error.arguments["detail"]
    assert "hunter2" not in str(error)


def test_a_folder_of_somebody_else_is_refused(pc: Pc) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    pc.state_dir.mkdir()
    os.chown(pc.state_dir, 65534, 65534)
    error = failure(pc, observe())
    assert error.code == "state-dir-foreign"
    assert error.arguments["owner"] == 65534


# Deadlines


def test_a_step_that_hangs_is_ended_with_all_it_started(pc: Pc) -> None:
    mark = f"600.{os.getpid()}{abs(hash(pc.kind)) % 1000}"
    script = f"sleep {mark} & (setsid sleep {mark} &) ; sleep {mark}"
    stage = apply("run-1", command("/bin/sh", "-c", script, timeout=900), file("/etc/after", content="no"))
    with pc.connect() as session:
        session.ask(observe())
        with pytest.raises(UnknownOutcomeError) as caught:
            session.ask(stage, timeout=3)
        assert caught.value.arguments["cause"] == "deadline-passed"
    assert eventually(lambda: not processes_with(str(pc.state_dir)))
    left = processes_with(mark)
    # `setsid … &` left the family on purpose, as a daemon does; it is not the agent's any more.
    assert len(left) <= 1
    for pid in left:
        os.kill(pid, 9)
    results = [e for e in journal_entries(str(pc.state_dir), "run-1") if e["op"] == "result"]
    assert [(entry["step"], entry["status"]) for entry in results] == [("s1", "failed")]
    assert not pc.real("etc/after").exists()


def test_looking_that_hangs_is_a_failure(pc: Pc) -> None:
    mark = f"601.{os.getpid()}{abs(hash(pc.kind)) % 1000}"
    looking = {"argv": ["/bin/true"], "unless": ["/bin/sleep", mark], "timeout": 900}
    with pc.connect(step_timeout=3) as session, pytest.raises(HostError) as caught:
        session.ask(observe(("command", looking)))
    assert caught.value.code == "deadline-passed"
    assert eventually(lambda: not processes_with(mark) and not processes_with(str(pc.state_dir)))


def test_the_deadline_of_a_host_covers_all_its_requests(pc: Pc) -> None:
    slow = {"argv": ["/bin/true"], "unless": ["/bin/sleep", "1.5"]}
    with connect(pc.host(), replace(pc.settings, host_deadline=5)) as session, pytest.raises(HostError) as caught:
        ask_ten_times(session, observe(("command", slow)))
    assert caught.value.code == "deadline-passed"


def ask_ten_times(session: Session, request: dict[str, Any]) -> None:
    for _ in range(10):
        session.ask(request)


def test_an_agent_that_hangs_itself_is_ended(pc: Pc) -> None:
    """It waits for a server that accepts and says nothing; no program of its own could be ended instead."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pc.connect(step_timeout=3) as session, pytest.raises(HostError) as caught:
            session.ask(observe(("http", {"url": url, "timeout": 900})))
        assert caught.value.code == "deadline-passed"
        assert eventually(lambda: not processes_with(str(pc.state_dir)))


def test_the_agent_is_in_a_session_of_its_own(pc: Pc) -> None:
    """Ctrl-C at the controller's terminal goes to the terminal's session: it must not stop a step half way."""
    with pc.connect() as session:
        session.ask(observe())
        agents = processes_with(str(pc.state_dir))
        assert agents
        assert all(os.getsid(pid) != os.getsid(0) for pid in agents)
