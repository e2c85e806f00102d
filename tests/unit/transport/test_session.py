"""The controller's side of the conversation, against a PC that is played by the test."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guiwei.errors import GateError, GuiweiError, HostError, UnknownOutcomeError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.transport.link import Ended, Late, Link
from guiwei.transport.payload import build_payload, program
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings
from guiwei.transport.variables import read_login


def frame(message: Any, kind: str = "J") -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">IB", len(body), ord(kind)) + body


class Played:
    """A link whose PC says what it is told to, one piece a read; an exception is raised."""

    def __init__(self, *says: bytes | BaseException, code: int | None = None, errors: str = "", lost: bool = False):
        self.says = list(says)
        self.sent = b""
        self.commands: list[str] = []
        self.seconds: list[Link] = []
        self.closed = False
        self._code, self._errors, self._lost = code, errors, lost

    def start(self, command: str) -> None:
        self.commands.append(command)

    def send(self, data: bytes, deadline: float) -> None:
        self.sent += data

    def receive(self, deadline: float) -> bytes:
        said = self.says.pop(0) if self.says else b""
        if isinstance(said, BaseException):
            raise said
        return said

    def receive_error(self, deadline: float) -> bytes:
        return self.receive(deadline)

    def errors(self) -> str:
        return self._errors

    def exit_code(self) -> int | None:
        return self._code

    def lost(self) -> bool:
        return self._lost

    def another(self) -> Link:
        self.seconds.append(Played(b""))
        return self.seconds[-1]

    def finish(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


def session_of(link: Link, **given: Any) -> Session:
    return Session(link, read_login(Host("pc-1", given)), Settings(step_timeout=5), 0.0)


def frames(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    while data:
        size, kind = struct.unpack(">IB", data[:5])
        found.append((chr(kind), data[5 : 5 + size]))
        data = data[5 + size :]
    return found


def after_start(link: Played) -> list[tuple[str, bytes]]:
    """Return the frames that went out after the program and the hash of the payload."""
    prelude = program("start") + build_payload().sha256.encode() + b"\n"
    assert link.sent.startswith(prelude)
    return frames(link.sent[len(prelude) :])


def test_first_request_goes_out_at_once_with_the_program() -> None:
    link = Played(frame({"op": "observed"}))
    answer = session_of(link, guiwei_root="/r").ask({"op": "observe", "reads": [], "state_dir": "/elsewhere"})
    assert answer == {"op": "observed"}
    assert len(link.commands) == 1
    ((kind, body),) = after_start(link)
    assert kind == "J"
    assert json.loads(body) == {"op": "observe", "reads": [], "root": "/r"}


def test_frames_may_come_in_any_pieces() -> None:
    whole = frame({"op": "result", "id": "s1"}) + frame({"op": "applied", "text": "x" * 3000})
    for size in (1, 7, 1000):
        pieces = [whole[n : n + size] for n in range(0, len(whole), size)]
        heard: list[dict[str, Any]] = []
        assert session_of(Played(*pieces)).ask({"op": "apply"}, heard.append)["op"] == "applied"
        assert [result["id"] for result in heard] == ["s1"]


def test_payload_is_sent_when_it_is_asked_for() -> None:
    link = Played(frame({"op": "payload"}), frame({"op": "observed"}))
    session_of(link).ask({"op": "observe"})
    _first, install, *data = after_start(link)
    assert install == ("J", program("install"))
    assert [kind for kind, _ in data] == ["D"] * len(data)
    assert data[-1][1] == b""
    assert b"".join(piece for _, piece in data) == build_payload().packed
    assert all(0 < len(piece) <= 65536 for _, piece in data[:-1])


@pytest.mark.parametrize(("reads", "usb"), [("usb_device", True), ("file", False)])
def test_usb_device_takes_pyusb_along(reads: str, usb: bool) -> None:
    for name in ("reads", "define", "steps"):
        link = Played(frame({"op": "x"}))
        session_of(link).ask({"op": "apply", name: [{"module": reads}]})
        assert build_payload(usb).sha256.encode() in link.sent
        assert build_payload(not usb).sha256.encode() not in link.sent


@pytest.mark.parametrize("offset", [0, 1, 65536, 199_999, 200_000])
def test_blob_is_served_from_its_offset(tmp_path: Path, offset: int) -> None:
    data = bytes(range(256)) * 782
    data = data[:200_000]
    path = tmp_path / "blob"
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    link = Played(frame({"op": "blob", "sha256": sha256, "offset": offset}), frame({"op": "applied"}))
    session = session_of(link)
    session.offer(sha256, path)
    session.ask({"op": "apply"})
    sent = after_start(link)[1:]
    assert sent[-1] == ("D", b"")
    assert b"".join(piece for _, piece in sent) == data[offset:]
    assert [len(piece) for _, piece in sent[:-2]] == [65536] * (len(sent) - 2)


def error_of(link: Played, request: dict[str, Any], on_result: Callable[[Any], None] | None = None) -> GuiweiError:
    with pytest.raises(GuiweiError) as caught:
        session_of(link).ask(request, on_result)
    return caught.value


def test_error_of_the_agent_is_its_own() -> None:
    wire = GateError("pc-locked", holder="run-7").to_wire()
    link = Played(frame({"op": "error", "error": wire}), frame({"op": "observed"}))
    session = session_of(link)
    with pytest.raises(GateError) as caught:
        session.ask({"op": "apply"})
    assert (caught.value.code, caught.value.arguments) == ("pc-locked", {"holder": "run-7"})
    assert not link.closed
    assert session.ask({"op": "observe"})["op"] == "observed"


@pytest.mark.parametrize(
    ("op", "spoke", "lost", "kind", "code"),
    [
        ("observe", False, True, UnreachableError, "connection-lost"),
        ("observe", True, True, UnreachableError, "connection-lost"),
        ("apply", False, True, UnknownOutcomeError, "outcome-unknown"),
        ("apply", True, True, UnknownOutcomeError, "outcome-unknown"),
        ("rollback", True, True, UnknownOutcomeError, "outcome-unknown"),
        ("something-new", True, True, UnknownOutcomeError, "outcome-unknown"),
        ("observe", True, False, HostError, "agent-died"),
        ("apply", True, False, UnknownOutcomeError, "outcome-unknown"),
    ],
)
def test_an_end_before_the_answer(op: str, spoke: bool, lost: bool, kind: type[GuiweiError], code: str) -> None:
    link = Played(*([frame({"op": "result", "id": "1"})] if spoke else []), lost=lost, code=None if lost else 1)
    error = error_of(link, {"op": op})
    assert (type(error), error.code) == (kind, code)
    assert link.closed


@pytest.mark.parametrize(("op", "code"), [("observe", "deadline-passed"), ("apply", "outcome-unknown")])
def test_a_late_answer_ends_what_runs(op: str, code: str) -> None:
    link = Played(Late())
    session = session_of(link)
    with pytest.raises(HostError) as caught:
        session.ask({"op": op})
    assert caught.value.code == code
    assert link.closed
    (second,) = link.seconds
    assert isinstance(second, Played)
    assert len(second.commands) == 1
    assert second.sent == program("end")
    with pytest.raises(UnreachableError):
        session.ask({"op": "observe"})


def test_a_frame_that_is_none() -> None:
    error = error_of(Played(b"Last login: today\n"), {"op": "observe"})
    assert (error.code, error.arguments["detail"]) == ("frame-broken", "Last login: today")
    # It may be writing behind its banner.
    assert error_of(Played(b"Last login: today\n"), {"op": "apply"}).code == "outcome-unknown"
    late = Played(frame({"op": "result"}), b"Segmentation fault\n")
    assert error_of(late, {"op": "apply"}).code == "outcome-unknown"


@pytest.mark.parametrize(
    ("code", "said", "wanted"),
    [
        (127, "sh: 1: exec: python3: not found", "python-missing"),
        (127, "bash: line 1: exec: python3: not found", "python-missing"),
        (126, "sh: 1: exec: /opt/python3: Permission denied", "python-missing"),
        (1, "'python' is not recognized as an internal or external command", "python-missing"),
        (2, "Unknown option: -I\nusage: python [option]", "python-too-old"),
        (1, 'Traceback (most recent call last):\n  File "x"\nFileNotFoundError: No such file', "agent-died"),
    ],
)
def test_why_there_is_no_agent(code: int, said: str, wanted: str) -> None:
    assert error_of(Played(code=code, errors=said), {"op": "observe"}).code == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("sudo: a password is required", "sudo-password"),
        ("sudo: sorry, you must have a tty to run sudo", "sudo-tty"),
        ("clerk is not in the sudoers file.", "sudo-refused"),
        ("sh: 1: exec: sudo: not found", "sudo-missing"),
        ("sh: 1: exec: python3: not found", "python-missing"),
    ],
)
def test_why_sudo_did_not(said: str, wanted: str) -> None:
    link = Played(code=127 if "not found" in said else 1, errors=said)
    with pytest.raises(HostError) as caught:
        session_of(link, ansible_become=True).ask({"op": "observe"})
    assert caught.value.code == wanted


def test_sudo_gets_the_password_when_it_asks_and_only_once() -> None:
    link = Played()
    session = session_of(link, ansible_become=True, ansible_become_password="pw")
    session.start()
    assert session._launch is not None
    prompt, ready = session._launch.prompt, session._launch.ready
    link.says = [b"lecture\n" + prompt[:9], prompt[9:], b"\n" + ready + b"\n", frame({"op": "observed"})]
    assert session.ask({"op": "observe"})["op"] == "observed"
    assert link.sent.startswith(b"pw\n" + program("start"))

    again = Played()
    session = session_of(again, ansible_become=True, ansible_become_password="pw")
    session.start()
    assert session._launch is not None
    again.says = [session._launch.prompt, b"\nSorry, try again.\n" + session._launch.prompt]
    with pytest.raises(HostError) as caught:
        session.ask({"op": "observe"})
    assert caught.value.code == "sudo-password"
    assert again.sent == b"pw\n"
    assert again.closed


def test_sudo_that_does_not_ask_gets_no_password() -> None:
    link = Played()
    session = session_of(link, ansible_become=True, ansible_become_password="pw")
    session.start()
    assert session._launch is not None
    link.says = [session._launch.ready + b"\n", frame({"op": "observed"})]
    session.ask({"op": "observe"})
    assert link.sent.startswith(program("start"))


def test_a_listener_that_breaks_off_closes_the_session() -> None:
    def listener(result: dict[str, Any]) -> None:
        raise ZeroDivisionError

    link = Played(frame({"op": "result", "id": "1"}), frame({"op": "applied"}))
    with pytest.raises(ZeroDivisionError):
        session_of(link).ask({"op": "apply"}, listener)
    assert link.closed


def test_an_early_end_is_told_by_the_first_request() -> None:
    class Refusing(Played):
        def send(self, data: bytes, deadline: float) -> None:
            raise Ended

    assert error_of(Refusing(code=127, errors="python3: not found"), {"op": "observe"}).code == "python-missing"
