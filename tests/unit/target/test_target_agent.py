"""The agent as it runs on a PC: one process, spoken to over its standard input and output."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from target_pc import Pc

from guiwei.target.frames import FrameReader, FrameWriter
from guiwei.target.journal import journal_entries
from guiwei.target.secret import Secret


class Talk:
    """One conversation with an agent of its own process."""

    def __init__(self, pc: Pc, first: str = "") -> None:
        self.pc = pc
        self.process = subprocess.Popen(
            [sys.executable, "-c", first + "from guiwei.target.agent import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.writer = FrameWriter(self.process.stdin)  # type: ignore[arg-type]
        self.reader = FrameReader(self.process.stdout)  # type: ignore[arg-type]

    def send(self, op: str, **request: Any) -> None:
        self.writer.send({"op": op, "root": str(self.pc.root), "state_dir": str(self.pc.state), **request})

    def until(self, op: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the answer, and what came before it."""
        before = []
        while True:
            message = self.reader.receive()
            if message["op"] in (op, "error"):
                return message, before
            before.append(message)

    def end(self) -> str:
        """Close the channel and return what the agent had to say of errors."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        said = self.process.stderr.read().decode()
        assert self.process.wait(60) == 0, said
        return said

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def talk(pc: Pc) -> Iterator[Talk]:
    found = Talk(pc)
    yield found
    found.close()


def _step(name: str, module: str, arguments: dict[str, Any], state: Any) -> dict[str, Any]:
    return {"id": name, "module": module, "with": arguments, "state": state}


def test_a_whole_host_is_one_exchange(pc: Pc, talk: Talk) -> None:
    pc.put("/etc/hostname", "kaipiao-01\n")
    pc.put("/var/1.0/a.ini", "[单位]\r\n税号=1\r\n".encode("gbk"))
    read = {"module": "ini", "with": {"path": "{{ instance.folder }}/a.ini", "section": "单位", "option": "税号"}}
    talk.send(
        "observe",
        instances={"1.0": {"id": "1.0"}, "2.0": {"id": "2.0"}},
        define=[{"name": "folder", "instance": True, "text": "/var/{{ instance.id }}"}],
        reads=[
            {"id": "a", "instance": "1.0", **read},
            {"id": "b", "instance": "2.0", **read},
            {"id": "c", "module": "line", "with": {"path": "relative"}},
        ],
    )
    found = talk.reader.receive()
    assert found["states"] == {"a": {"value": "1"}, "b": None}
    assert found["errors"]["c"]["code"] == "path-not-absolute"
    assert found["facts"]["hostname"] == "kaipiao-01"
    assert list(pc.state.iterdir()) == [], "looking leaves nothing"
    assert talk.end() == ""


def test_apply_and_roll_back(pc: Pc, talk: Talk) -> None:
    pc.put("/a", "old")
    step = _step("s", "file", {"path": "/a"}, {"content": Secret("pin")})
    talk.send("apply", run="r1", steps=[step])
    answer, (result,) = talk.until("applied")
    assert (answer["whole"], result["status"]) == (True, "changed")
    assert pc.tree() == {"a": b"pin"}
    talk.send("rollback", run="r1")
    answer, _ = talk.until("rolled-back")
    assert (answer["whole"], answer["known"]) == (True, True)
    assert pc.tree() == {"a": b"old"}
    talk.send("rollback", run="never")
    assert talk.until("rolled-back")[0]["known"] is False
    assert talk.end() == ""


def test_only_one_may_write(pc: Pc, talk: Talk) -> None:
    with (pc.state / "lock").open("a+b") as holder:
        holder.write(b"run-of-another")
        holder.flush()
        fcntl.flock(holder, fcntl.LOCK_EX)
        talk.send("apply", run="r1", steps=[_step("s", "file", {"path": "/a"}, {"content": "x"})])
        answer, before = talk.until("applied")
        assert (answer["op"], before) == ("error", [])
        assert answer["error"]["class"] == "GateError"
        assert answer["error"]["code"] == "pc-locked"
        assert answer["error"]["args"] == {"holder": "run-of-another"}
        assert pc.tree() == {}
    # Whoever held it is gone, even without a word: the next one may.
    talk.send("apply", run="r1", steps=[_step("s", "file", {"path": "/a"}, {"content": "x"})])
    assert talk.until("applied")[0]["whole"]
    assert talk.end() == ""


def test_a_channel_that_closes_lets_the_step_finish_and_stops(pc: Pc, talk: Talk) -> None:
    os.mkfifo(pc.root / "gate")
    wait = ["/bin/sh", "-c", f"echo began > '{pc.root}/began'; cat '{pc.root}/gate' > '{pc.root}/first'"]
    steps = [
        _step("first", "command", {"argv": wait, "timeout": 60}, {"done": True}),
        _step("second", "file", {"path": "/second"}, {"content": "x"}),
    ]
    talk.send("apply", run="r1", steps=steps)
    assert talk.process.stdin is not None
    assert talk.process.stdout is not None
    talk.process.stdin.close()
    talk.process.stdout.close()
    # Only now may the first step go on.
    (pc.root / "gate").write_text("done")
    talk.end()
    assert (pc.root / "first").read_text() == "done"
    assert not (pc.root / "second").exists()
    entries = list(journal_entries(str(pc.state), "r1"))
    assert [(e["step"], e["status"]) for e in entries if e["op"] == "result"] == [("first", "changed")]
    assert not [e for e in entries if e.get("step") == "second"]
    with (pc.state / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_blob_comes_in_pieces_and_a_cut_is_journalled(pc: Pc, talk: Talk) -> None:
    data = os.urandom(200_000)
    sha256 = hashlib.sha256(data).hexdigest()
    talk.send("apply", run="r1", steps=[_step("s", "file", {"path": "/a"}, {"sha256": sha256})])
    asked, _ = talk.until("blob")
    assert (asked["sha256"], asked["offset"]) == (sha256, 0)
    for at in range(0, len(data), 60_000):
        talk.writer.send_data(data[at : at + 60_000])
    talk.writer.send_data(b"")
    assert talk.until("applied")[0]["whole"]
    assert pc.tree() == {"a": data}
    talk.send("apply", run="r2", steps=[_step("s", "file", {"path": "/b"}, {"sha256": sha256})])
    talk.until("blob")
    talk.writer.send_data(data[:50_000])
    talk.end()
    assert pc.tree() == {"a": data}, "no half of a file, no temporary file"
    results = [entry for entry in journal_entries(str(pc.state), "r2") if entry["op"] == "result"]
    assert [entry["status"] for entry in results] == ["failed"]


def test_a_blob_that_fails_half_way_leaves_the_channel_whole(pc: Pc) -> None:
    """A disk that is full ends a step in the middle of a blob; the next request must still be understood."""
    data = os.urandom(500_000)
    sha256 = hashlib.sha256(data).hexdigest()
    talk = Talk(pc, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000)); ")
    try:
        for run, (module, arguments, state) in enumerate(
            [
                ("file", {"path": "/a"}, {"sha256": sha256}),
                ("package", {"name": "p", "path": "/opt/p"}, {"version": "1", "sha256": sha256}),
            ]
        ):
            talk.send("apply", run=f"r{run}", steps=[_step("s", module, arguments, state)])
            talk.until("blob")
            for at in range(0, len(data), 60_000):
                talk.writer.send_data(data[at : at + 60_000])
            talk.writer.send_data(b"")
            answer, (result,) = talk.until("applied")
            assert (answer["whole"], result["status"], result["error"]["code"]) == (False, "failed", "os-error")
        talk.send("observe", reads=[])
        assert talk.until("observed")[0]["states"] == {}
        assert pc.tree() == {"opt": None}
        assert talk.end() == ""
    finally:
        talk.close()


def test_wrong_bytes_are_not_installed(pc: Pc, talk: Talk) -> None:
    step = _step("s", "package", {"name": "p", "path": "/p"}, {"version": "1", "sha256": "0" * 64})
    talk.send("apply", run="r1", steps=[step])
    talk.until("blob")
    talk.writer.send_data(b"something else")
    talk.writer.send_data(b"")
    _, (result,) = talk.until("applied")
    assert result["error"]["code"] == "content-hash"
    assert pc.tree() == {}


def test_noise_is_no_frame(pc: Pc, talk: Talk) -> None:
    assert talk.process.stdin is not None
    talk.process.stdin.write(b"Welcome to the branch PC\r\n")
    talk.process.stdin.flush()
    assert "frame-broken" in talk.end()
