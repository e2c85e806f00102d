"""The same conversation over every transport."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.asking import apply, command, eventually, file, observe
from support.pc import Pc, processes_with
from support.proxy import Proxy

from guiwei.errors import GateError, HostError, UnknownOutcomeError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.target.journal import journal_entries
from guiwei.transport.connect import connect
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings


def test_observe_answers_for_the_root_of_the_pc(pc: Pc) -> None:
    with pc.connect() as session:
        answer = session.ask(observe(("file", {"path": "/etc/hostname"})))
    assert answer["op"] == "observed"
    assert answer["states"]["r1"]["content"] == "branch-1\n"
    assert answer["facts"]["root"] == str(pc.root)
    assert answer["facts"]["state_dir"] == str(pc.state_dir)
    assert pc.execs() == 1


def test_a_whole_observation_is_one_round_trip_after_connecting(ssh_pc: Pc) -> None:
    """The PC looks although not one byte of it has reached the controller since `connect`."""
    with ssh_pc.connect() as session:
        session.ask(observe())
    before = ssh_pc.execs()
    with Proxy(ssh_pc.port) as proxy, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        probe = ("tcp", {"host": "127.0.0.1", "port": listener.getsockname()[1], "timeout": 20})
        reads = [probe] + [("file", {"path": f"/etc/none-{n}"}) for n in range(200)]
        with ssh_pc.connect(**ssh_pc.through(proxy)) as session, ThreadPoolExecutor(1) as pool:
            # OpenSSH opens a channel's window only when its command runs: that belongs to connecting.
            channel = session._link._channel  # type: ignore[attr-defined]
            assert eventually(lambda: channel.out_window_size > 0)
            proxy.hold()
            heard = proxy.to_controller
            answer = pool.submit(session.ask, observe(*reads))
            listener.accept()[0].close()
            assert proxy.to_controller == heard
            proxy.release()
            assert answer.result(30)["states"]["r1"]["open"] is True
        assert ssh_pc.execs() == before + 1


def test_several_requests_share_one_agent(pc: Pc) -> None:
    with pc.connect() as session:
        for number in range(5):
            pc.real("etc/hostname").write_text(f"branch-{number}\n")
            answer = session.ask(observe(("file", {"path": "/etc/hostname"})))
            assert answer["states"]["r1"]["content"] == f"branch-{number}\n"
    assert pc.execs() == 1


def test_payload_travels_once(pc: Pc, payloads: list[int]) -> None:
    for _ in range(3):
        with pc.connect() as session:
            session.ask(observe())
    assert len(payloads) == 1
    folder = pc.state_dir / "payload"
    assert [oct(path.stat().st_mode & 0o777) for path in (pc.state_dir, folder, *folder.iterdir())] == [
        "0o700",
        "0o700",
        "0o600",
    ]


@pytest.mark.parametrize("damage", ["flipped", "cut", "foreign", "empty"])
def test_damaged_payload_is_sent_again_and_never_run(pc: Pc, payloads: list[int], damage: str, tmp_path: Path) -> None:
    with pc.connect() as session:
        session.ask(observe())
    (kept,) = (pc.state_dir / "payload").iterdir()
    good = kept.read_bytes()
    ran = tmp_path / "ran"
    if damage == "flipped":
        kept.write_bytes(good[:-2000] + bytes([good[-2000] ^ 1]) + good[-1999:])
    elif damage == "cut":
        kept.write_bytes(good[: len(good) // 2])
    elif damage == "empty":
        kept.write_bytes(b"")
    else:
        import marshal

        text = f"open({str(ran)!r}, 'w')"
        codes = {
            name: (name in ("guiwei", "guiwei.target"), name, marshal.dumps(compile(text, name, "exec")))
            for name in ("guiwei", "guiwei.target", "guiwei.target.agent")
        }
        kept.write_bytes(good[:32] + marshal.dumps(codes))
    with pc.connect() as session:
        assert session.ask(observe(("file", {"path": "/etc/hostname"})))["states"]["r1"]["content"] == "branch-1\n"
    assert len(payloads) == 2
    assert not ran.exists()
    assert kept.read_bytes() == good


def test_old_payloads_go(pc: Pc) -> None:
    folder = pc.state_dir / "payload"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"old-{number}").write_bytes(b"x")
        os.utime(folder / f"old-{number}", (number + 1, number + 1))
    with pc.connect() as session:
        session.ask(observe())
    left = sorted(path.name for path in folder.iterdir() if path.name.startswith("old"))
    assert left == ["old-4", "old-5"]


def test_a_pc_that_cannot_keep_the_payload_is_still_looked_at(pc: Pc, payloads: list[int], tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file")
    for _ in range(2):
        with pc.connect(guiwei_state_dir=str(tmp_path / "in-the-way" / "state")) as session:
            answer = session.ask(observe(("file", {"path": "/etc/hostname"})))
            assert answer["states"]["r1"]["content"] == "branch-1\n"
    assert len(payloads) == 2


def test_apply_streams_results_while_it_goes_on(pc: Pc) -> None:
    """The second step waits for what hearing the first one's result does."""
    flag = pc.real("flag")
    heard: list[tuple[str, str]] = []

    def on_result(result: dict[str, Any]) -> None:
        heard.append((result["id"], result["status"]))
        flag.write_text("go")

    waiting = command("/bin/sh", "-c", f"while ! test -e '{flag}'; do sleep 0.02; done", timeout=30)
    stage = apply("r1", file("/etc/motd", content="你好\n"), waiting, file("/etc/b", content="b"))
    with pc.connect() as session:
        answer = session.ask(stage, on_result)
    assert answer["whole"] is True
    assert heard == [("s1", "changed"), ("s2", "changed"), ("s3", "changed")]
    assert pc.real("etc/motd").read_text("utf-8") == "你好\n"


def test_an_error_of_the_agent_is_raised_and_the_session_goes_on(pc: Pc) -> None:
    with pc.connect() as session:
        with pytest.raises(HostError) as caught:
            session.ask({"op": "backups", "check": "no-such"})
        assert caught.value.code
        assert session.ask(observe())["op"] == "observed"
    assert pc.execs() == 1


# Blobs


def test_a_large_file_streams(pc: Pc, tmp_path: Path) -> None:
    data = os.urandom(20 << 20)
    source = tmp_path / "source"
    source.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    with pc.connect() as session:
        session.offer(sha256, source)
        answer = session.ask(apply("r1", file("/etc/large", sha256=sha256)))
        assert answer["whole"] is True
        assert session.ask(observe())["op"] == "observed"
    assert hashlib.sha256(pc.real("etc/large").read_bytes()).hexdigest() == sha256


def test_a_large_archive_resumes_where_it_was_cut(pc: Pc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "app.tar.gz"
    with tarfile.open(source, "w:gz", compresslevel=0) as archive:
        for name, content in (("VERSION", b"3.1\n"), ("data", os.urandom(20 << 20))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    data = source.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    pc.real("opt").mkdir()
    pc.real(f"opt/.guiwei-{sha256[:16]}.part").write_bytes(data[: 12 << 20])
    asked: list[int] = []
    plain = Session._send_blob

    def send(self: Session, sha: str, offset: int, seconds: float) -> None:
        asked.append(offset)
        plain(self, sha, offset, seconds)

    monkeypatch.setattr(Session, "_send_blob", send)
    step = {
        "module": "package",
        "with": {"name": "app", "path": "/opt/app"},
        "state": {"version": "3.1", "sha256": sha256},
    }
    results: list[dict[str, Any]] = []
    with pc.connect() as session:
        session.offer(sha256, source)
        session.ask(apply("r1", step), results.append)
    assert [result["status"] for result in results] == ["changed"], results
    assert asked == [12 << 20]
    assert pc.real("opt/app/VERSION").read_text() == "3.1\n"


def test_a_blob_that_nobody_has_is_named(pc: Pc) -> None:
    results: list[dict[str, Any]] = []
    with pc.connect() as session:
        answer = session.ask(apply("r1", file("/etc/large", sha256="0" * 64)), results.append)
    assert answer["whole"] is False
    assert results[0]["error"]["code"] == "blob-missing"
    assert not pc.real("etc/large").exists()


# Cuts and clashes


def test_a_cut_during_a_step_leaves_it_finished_and_journalled(ssh_pc: Pc) -> None:
    begun, flag = ssh_pc.real("begun"), ssh_pc.real("flag")
    script = f"touch '{begun}'; while ! test -e '{flag}'; do sleep 0.02; done; touch '{ssh_pc.real('finished')}'"
    stage = apply("run-1", command("/bin/sh", "-c", script, timeout=60), file("/etc/after", content="no"))
    with Proxy(ssh_pc.port) as proxy, ssh_pc.connect(**ssh_pc.through(proxy)) as session, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(session.ask, stage)
        assert eventually(begun.exists)
        proxy.cut()
        with pytest.raises(UnknownOutcomeError) as caught:
            answer.result(30)
        assert (caught.value.code, caught.value.arguments["cause"]) == ("outcome-unknown", "connection-lost")
        assert caught.value.arguments["run"] == "run-1"
        with pytest.raises(UnreachableError):
            session.ask(observe())
    flag.write_text("go")
    results = eventually(
        lambda: [entry for entry in journal_entries(str(ssh_pc.state_dir), "run-1") if entry["op"] == "result"]
    )
    assert [(entry["step"], entry["status"]) for entry in results] == [("s1", "changed")]
    assert ssh_pc.real("finished").exists()
    assert not ssh_pc.real("etc/after").exists()


def test_a_cut_while_looking_is_unreachable(ssh_pc: Pc) -> None:
    begun = ssh_pc.real("begun")
    looking = {"argv": ["/bin/true"], "unless": ["/bin/sh", "-c", f"touch '{begun}'; sleep 20"]}
    with Proxy(ssh_pc.port) as proxy, ssh_pc.connect(**ssh_pc.through(proxy)) as session, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(session.ask, observe(("command", looking)))
        assert eventually(begun.exists)
        proxy.cut()
        with pytest.raises(UnreachableError) as caught:
            answer.result(30)
    assert caught.value.code == "connection-lost"


def test_two_controllers_are_kept_apart(pc: Pc) -> None:
    begun, flag = pc.real("begun"), pc.real("flag")
    script = f"touch '{begun}'; while ! test -e '{flag}'; do sleep 0.02; done"
    with pc.connect() as one, pc.connect() as two, ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.ask, apply("run-1", command("/bin/sh", "-c", script)))
        assert eventually(begun.exists)
        with pytest.raises(GateError) as caught:
            two.ask(apply("run-2", file("/etc/second", content="2")))
        assert caught.value.code == "pc-locked"
        assert caught.value.arguments["holder"] == "run-1"
        flag.write_text("go")
        assert first.result(30)["whole"] is True
        assert two.ask(apply("run-2", file("/etc/second", content="2")))["whole"] is True


def test_leaving_in_the_middle_lets_the_step_finish(pc: Pc) -> None:
    """The caller breaks off (Ctrl-C): the session is closed, the step is not cut in half."""
    begun = threading.Event()

    def on_result(result: dict[str, Any]) -> None:
        begun.set()
        raise KeyboardInterrupt

    slow = command("/bin/sh", "-c", f"sleep 0.5; touch '{pc.real('finished')}'")
    with pc.connect() as session, pytest.raises(KeyboardInterrupt):
        session.ask(apply("run-1", file("/etc/a", content="a"), slow, file("/etc/after", content="no")), on_result)
    assert begun.is_set()
    eventually(lambda: (pc.state_dir / "lock").stat().st_size == 0)
    steps = [e["step"] for e in journal_entries(str(pc.state_dir), "run-1") if e["op"] == "result"]
    # How far it came depends on when the end of the channel was seen; a step that began has ended.
    assert steps[:1] == ["s1"]
    assert pc.real("finished").exists() == ("s2" in steps)


def test_nothing_is_left_running(pc: Pc) -> None:
    with pc.connect() as session:
        session.ask(observe())
        assert processes_with(str(pc.state_dir))
    assert eventually(lambda: not processes_with(str(pc.state_dir)))


def test_python_of_the_pc_is_the_one_that_is_asked_for(pc: Pc) -> None:
    with pc.connect(ansible_python_interpreter=["/no/such/python", sys.executable]) as session:
        assert session.ask(observe())["facts"]["interpreter"] == sys.executable


def test_a_full_disk_is_no_reason_not_to_look(pc: Pc, tmp_path: Path) -> None:
    limited = tmp_path / "limited"
    limited.write_text(f"#!/bin/sh\nulimit -f 8\nexec '{sys.executable}' \"$@\"\n")
    limited.chmod(0o755)
    with pc.connect(ansible_python_interpreter=str(limited)) as session:
        answer = session.ask(observe(("file", {"path": "/etc/hostname"})))
    assert answer["states"]["r1"]["content"] == "branch-1\n"
    assert list((pc.state_dir / "payload").iterdir()) == []


def pythons() -> list[str]:
    """Return every supported Python of this machine, the newest of each minor version."""
    homes = Path.home() / ".pyenv" / "versions"
    found = {sys.executable}
    for minor in range(7, 15):
        named = sorted(homes.glob(f"3.{minor}.*/bin/python3")) if homes.is_dir() else []
        found.update(str(path) for path in named[-1:])
        found.update(path for path in [f"/usr/bin/python3.{minor}"] if os.path.exists(path))
    return sorted(found)


@pytest.mark.parametrize("python", pythons())
def test_every_python_of_a_pc(python: str, tmp_path: Path, payloads: list[int]) -> None:
    host = Host("pc", {"ansible_connection": "local", "ansible_python_interpreter": python})
    host = Host("pc", {**host.vars, "guiwei_root": str(tmp_path), "guiwei_state_dir": str(tmp_path / "state")})
    for _ in range(2):
        with connect(host, Settings()) as session:
            assert session.ask(observe())["facts"]["interpreter"] == python
            assert session.ask(apply("run-1", file("/a", content="b")))["whole"] is True
    assert len(payloads) == 1
