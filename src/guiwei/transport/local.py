"""The PC is this machine: the same command in a subprocess."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time

from guiwei.errors import HostError
from guiwei.transport.link import TAIL, Ended, Late

__all__ = ["LocalLink"]


class LocalLink:
    """A subprocess with pipes, in a session of its own: Ctrl-C at the terminal must not stop a step half way."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._in = self._out = self._err = -1
        self._tail = b""

    def start(self, command: str) -> None:
        """Start the command by /bin/sh."""
        (theirs_in, self._in), (self._out, theirs_out), (self._err, theirs_err) = os.pipe(), os.pipe(), os.pipe()
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=theirs_in,
                stdout=theirs_out,
                stderr=theirs_err,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self.finish()
            raise HostError("local-start", detail=error.strerror or str(error)) from error
        finally:
            for handle in (theirs_in, theirs_out, theirs_err):
                os.close(handle)
        os.set_blocking(self._in, False)

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Ended from error

    def receive(self, deadline: float) -> bytes:
        """Return bytes of standard output."""
        self._wait(self._out, select.POLLIN, deadline)
        return os.read(self._out, 1 << 16)

    def receive_error(self, deadline: float) -> bytes:
        """Return bytes of standard error."""
        before = time.monotonic()
        poll = select.poll()
        poll.register(self._err, select.POLLIN)
        if not poll.poll(max(0.0, deadline - before) * 1000):
            raise Late
        return self._take_errors()

    def errors(self) -> str:
        """Return the end of standard error, with all that has come by now."""
        poll = select.poll()
        if self._err >= 0:
            poll.register(self._err, select.POLLIN)
            while poll.poll(0) and self._take_errors():
                pass
        return self._tail.decode("utf-8", "replace")

    def exit_code(self) -> int | None:
        """Return the exit code; a signal's is negative."""
        try:
            return self._process.wait(2) if self._process else None
        except subprocess.TimeoutExpired:
            return None

    def ended(self) -> bool:
        """Tell whether the process has ended."""
        return self._process is None or self._process.poll() is not None

    def lost(self) -> bool:
        """Return False: there is no connection to lose."""
        return False

    def another(self) -> LocalLink:
        """Return a link for a second subprocess."""
        return LocalLink()

    def finish(self) -> None:
        """Close the pipes; wait a moment for the end, and leave a step that is under way to finish by itself."""
        for handle in (self._in, self._out, self._err):
            if handle >= 0:
                os.close(handle)
        self._in = self._out = self._err = -1
        if self._process and self.exit_code() is None:
            # Somebody must take its exit code, or it stays as a zombie.
            threading.Thread(target=self._process.wait, daemon=True).start()

    def close(self) -> None:
        """Same as `finish`."""
        self.finish()

    def _wait(self, handle: int, event: int, deadline: float) -> None:
        """Wait until the stream is ready, and keep what standard error says meanwhile so that it never fills up."""
        if handle < 0:
            raise Ended
        poll = select.poll()
        poll.register(handle, event)
        poll.register(self._err, select.POLLIN)
        open_error = True
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            ready = dict(poll.poll(left * 1000))
            if open_error and self._err in ready and not self._take_errors():
                poll.unregister(self._err)
                open_error = False
            if handle in ready:
                return

    def _take_errors(self) -> bytes:
        piece = os.read(self._err, 1 << 16)
        self._tail = (self._tail + piece)[-TAIL:]
        return piece
