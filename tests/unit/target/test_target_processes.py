from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from guiwei.errors import ResourceError
from guiwei.target.processes import alive, end_tree, run_program
from guiwei.target.secret import Secret


def _gone(pid: int) -> bool:
    """A killed process takes a moment to go; the deadline is for a hang alone."""
    end = time.monotonic() + 20
    while alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_result_and_environment(tmp_path: Path) -> None:
    result = run_program(
        ["/bin/sh", "-c", 'cat; echo "$A$LC_ALL"; pwd; echo err >&2; exit 7'],
        20,
        Secret("口令"),
        {"A": "税"},
        str(tmp_path),
    )
    assert (result.code, result.err) == (7, "err\n")
    assert result.out == f"口令税C.UTF-8\n{tmp_path}\n"


def test_output_in_gbk_is_read() -> None:
    assert run_program(["/bin/sh", "-c", r"printf '\313\260\272\305'"], 20).out == "税号"


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["/none/such"], "command-missing"), (["/bin/echo", Secret("pin")], "command-secret-argument")],
)
def test_what_cannot_run(argv: list[str | Secret], code: str) -> None:
    with pytest.raises(ResourceError) as caught:
        run_program(argv, 20)
    assert caught.value.code == code
    assert "pin" not in str(caught.value)


def test_a_time_out_ends_the_whole_tree(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    # A child, a grandchild of its own session, and the shell itself.
    script = f'sleep 300 & echo $! >> {pids}; setsid sh -c "echo \\$\\$ >> {pids}; sleep 300" & echo $$ >> {pids}; wait'
    with pytest.raises(ResourceError) as caught:
        run_program(["/bin/sh", "-c", script], 1.0)
    assert caught.value.code == "command-timeout"
    assert caught.value.arguments["seconds"] == 1.0
    found = [int(line) for line in pids.read_text().split()]
    assert len(found) == 3
    assert all(_gone(pid) for pid in found)


def test_a_daemon_that_keeps_its_output_open_does_not_hang(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    result = run_program(["/bin/sh", "-c", f"sleep 300 & echo $! > {pid_file}; echo started"], 60)
    pid = int(pid_file.read_text())
    try:
        assert (result.code, result.out) == (0, "started\n")
        assert alive(pid), "what a program leaves behind on purpose stays"
    finally:
        os.kill(pid, 9)
    assert _gone(pid)


def test_ending_what_is_gone_is_no_error() -> None:
    pid = os.spawnv(os.P_NOWAIT, "/bin/true", ["true"])
    os.waitpid(pid, 0)
    end_tree(pid)
    assert not alive(pid)
