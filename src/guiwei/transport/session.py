"""One conversation with one PC: requests out, results and answers in, blobs on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from guiwei.errors import GuiweiError, HostError, ResourceError, UnreachableError, error_from_wire
from guiwei.target.frames import DATA_LIMIT, FrameReader, FrameWriter
from guiwei.transport.command import Launch, launch_agent
from guiwei.transport.commands import become, end_hung
from guiwei.transport.failures import Ending, explain, explain_late, may_write
from guiwei.transport.link import Ended, Late, Link
from guiwei.transport.payload import USB_MODULES, build_payload, program
from guiwei.transport.settings import Settings
from guiwei.transport.variables import Login

__all__ = ["Session"]

OnResult = Callable[[dict[str, Any]], None]

#: How much of what came before the first frame is kept for a failure's message, in bytes.
_SEEN = 400
#: How long what an ended command still said may take to come, in seconds.
_LAST_WORDS = 2.0


class Session:
    """Ask one PC; used by one thread.

    Args:
        link: the connection, with no command started yet.
        login: what the host's variables say.
        settings: deadlines.
        started: when connecting began, by `time.monotonic`; the host's deadline counts from there.
    """

    def __init__(self, link: Link, login: Login, settings: Settings, started: float) -> None:
        self._link = link
        self._login = login
        self._settings = settings
        limit = settings.host_deadline
        self._limit = float("inf") if limit is None else started + limit
        self._stream = _Stream(link)
        self._reader = FrameReader(cast(Any, self._stream))
        self._writer = FrameWriter(cast(Any, self._stream))
        self._launch: Launch | None = None
        self._asked = False
        self._usb = False
        self._spoke = False
        self._closed = False
        self._offers: dict[str, Path] = {}
        self._missing: set[str] = set()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the agent's Python without waiting for it: it comes up while the controller makes its first request.

        OpenSSH takes input for a command only once the command runs, so starting it early saves a network round trip.
        """
        self._launch = launch_agent(self._login, program("start"))
        self._link.start(self._launch.command)

    def offer(self, sha256: str, path: Path) -> None:
        """Name the file whose bytes the PC may ask for by their hash."""
        self._offers[sha256] = path

    def ask(
        self, request: Mapping[str, Any], on_result: OnResult | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Send one request and return its answer: one round trip, but for results and blobs.

        Args:
            request: `op` and what it needs; `root` is added here, guiwei's folder is set when the agent starts.
            on_result: called with each result that comes before the answer.
            timeout: seconds for the answer, or from one result to the next; the settings' by default.

        Raises:
            UnknownOutcomeError: a request that may write got no answer (`outcome-unknown`).
            UnreachableError: the connection went while reading (`connection-lost`).
            HostError: the agent could not be started or died, or a deadline passed while reading.
            GuiweiError: what the agent itself answered with.
        """
        if self._closed:
            raise UnreachableError("connection-lost", host=self._login.name, detail="")
        message = {name: item for name, item in request.items() if name != "state_dir"}
        message["root"] = self._login.root
        seconds = min(timeout or self._settings.step_timeout, max(0.0, self._limit - time.monotonic()))
        try:
            return self._converse(message, on_result, seconds)
        except Late:
            self._end_hung()
            raise explain_late(self._login, message, seconds) from None
        except Ended:
            error = explain(self._login, message, self._ending())
            self.close()
            raise error from None
        except HostError as error:
            if error.code == "frame-broken":
                broken = self._broken(message, error)
                self.close()
                raise broken from None
            raise
        except GuiweiError:
            raise
        except BaseException:
            # The caller broke off in the middle: what would come next is no longer an answer to anything.
            self.close()
            raise

    def close(self) -> None:
        """Close the channel and the connection; the agent finishes the step that it is in, and stops."""
        if not self._closed:
            self._closed = True
            self._link.close()

    # Conversation

    def _converse(self, message: Mapping[str, Any], on_result: OnResult | None, seconds: float) -> dict[str, Any]:
        self._stream.deadline = self._after(seconds)
        if not self._asked:
            self._prepare(message)
        self._writer.send(message)
        while True:
            heard = self._reader.receive()
            self._spoke = True
            self._stream.deadline = self._after(seconds)
            kind = heard.get("op")
            if kind == "result":
                if on_result is not None:
                    on_result(self._with_cause(heard))
            elif kind == "blob":
                self._send_blob(heard["sha256"], heard["offset"], seconds)
            elif kind == "payload":
                self._send_payload()
            elif kind == "error":
                raise _placed(error_from_wire(heard["error"]), self._login)
            else:
                return cast(dict[str, Any], heard)

    def _prepare(self, message: Mapping[str, Any]) -> None:
        """Let the agent's program go out together with the first request."""
        if self._launch is None:
            self.start()
        launch = cast(Launch, self._launch)
        self._asked = True
        self._usb = any(
            item.get("module") in USB_MODULES for name in ("reads", "define", "steps") for item in message.get(name, ())
        )
        become(self._link, launch, self._login, self._settings, self._limit)
        self._stream.hold(launch.prelude + build_payload(self._usb).sha256.encode() + b"\n")

    def _send_payload(self) -> None:
        """The PC does not have this payload, or has it damaged: send the installer and the payload."""
        install = program("install")
        packed = build_payload(self._usb).packed
        self._stream.hold(len(install).to_bytes(4, "big") + b"J" + install)
        for start in range(0, len(packed), DATA_LIMIT):
            self._writer.send_data(packed[start : start + DATA_LIMIT])
        self._writer.send_data(b"")

    def _send_blob(self, sha256: str, offset: int, seconds: float) -> None:
        path = self._offers.get(sha256)
        try:
            if path is None:
                raise FileNotFoundError
            with open(path, "rb") as file:
                file.seek(offset)
                while piece := file.read(DATA_LIMIT):
                    self._stream.deadline = self._after(seconds)
                    self._writer.send_data(piece)
        except OSError:
            # The PC finds the hash wrong; `_with_cause` says why.
            self._missing.add(sha256)
        self._writer.send_data(b"")

    def _with_cause(self, result: dict[str, Any]) -> dict[str, Any]:
        error = result.get("error")
        if error and error.get("code") == "content-hash" and self._missing:
            missing = ResourceError("blob-missing", sha256=sorted(self._missing)[0])
            return dict(result, error=missing.to_wire())
        return result

    # Ends

    def _after(self, seconds: float) -> float:
        return min(time.monotonic() + seconds, self._limit)

    def _ending(self) -> Ending:
        if not self._spoke:
            # Whoever refused may have gone before it was written to; what it said is still in the pipe.
            self._stream.drain(time.monotonic() + _LAST_WORDS)
        lost = self._link.lost()
        code = None if lost else self._link.exit_code()
        return Ending(code, self._link.errors(), self._stream.seen, self._spoke, lost or self._link.lost())

    def _broken(self, message: Mapping[str, Any], error: HostError) -> GuiweiError:
        if self._spoke or may_write(message):
            return explain(self._login, message, Ending(None, str(error.arguments.get("detail")), b"", True, False))
        return explain(self._login, message, Ending(None, "", self._stream.seen, False, False))

    def _end_hung(self) -> None:
        """End the process tree of an agent that did not answer in time, by a second command beside it."""
        launch, self._closed = self._launch, True
        try:
            self._link.finish()
            if launch is not None:
                end_hung(self._link, launch.token, self._login, self._settings)
        finally:
            self._link.close()


class _Stream:
    """A link as the byte stream that frames are read from and written to."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._buffer = b""
        self._held = b""
        self.deadline = 0.0
        self.seen = b""

    def read(self, size: int) -> bytes:
        if not self._buffer:
            self._buffer = self._link.receive(self.deadline)
            if not self._buffer:
                raise Ended
            self._see(self._buffer)
        piece, self._buffer = self._buffer[:size], self._buffer[size:]
        return piece

    def drain(self, deadline: float) -> None:
        """Take in what the ended command still said, for the message."""
        try:
            while len(self.seen) < _SEEN and (piece := self._link.receive(deadline)):
                self._see(piece)
        except (Ended, Late):
            pass

    def hold(self, data: bytes) -> None:
        """Keep bytes back to leave together with what is written next."""
        self._held += data

    def write(self, data: bytes) -> int:
        held, self._held = self._held, b""
        self._link.send(held + data, self.deadline)
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written has gone."""

    def _see(self, piece: bytes) -> None:
        self.seen += piece[: max(0, _SEEN - len(self.seen))]


def _placed(error: GuiweiError, login: Login) -> GuiweiError:
    """Say which host an error of the start program came from."""
    if error.code in ("python-too-old", "state-dir-foreign", "payload-damaged"):
        error.arguments.setdefault("host", login.name)
    return error
