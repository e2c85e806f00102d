"""The agent: one process on one channel, from the first frame to the end of the channel.

The controller asks, the agent answers; the agent asks back only for the bytes of a blob. When the channel closes, the
agent finishes its step, journals it and stops.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, BinaryIO, Dict, Iterator, Mapping, Optional

from guiwei.errors import GateError, GuiweiError, HostError
from guiwei.target.frames import FORMAT, FrameReader, FrameWriter
from guiwei.target.pending import PendingHandlers
from guiwei.target.system import System, convert_os_error

__all__ = ["Agent", "main"]


class Agent:
    """Answer requests until the channel closes.

    Args:
        reader: frames from the controller.
        writer: frames to the controller.
    """

    def __init__(self, reader: FrameReader, writer: FrameWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._root = "/"
        self._state_dir = ""
        self._blob_open = False

    def serve(self, first: Optional[Dict[str, Any]] = None) -> None:
        """Answer `first` and every request after it."""
        request = first
        while True:
            if request is None:
                try:
                    self._drain()
                    request = self._reader.receive()
                except EOFError:
                    return
                except HostError as error:
                    sys.stderr.write("%s\n" % error)
                    return
            if request["op"] == "bye":
                return
            self._root = request.get("root", self._root)
            self._state_dir = request.get("state_dir", self._state_dir)
            try:
                answer = getattr(self, "_" + request["op"])(request)
            except GuiweiError as error:
                answer = {"op": "error", "error": error.to_wire()}
            except OSError as error:
                if isinstance(error, ConnectionError):
                    return
                answer = {"op": "error", "error": convert_os_error(error).to_wire()}
            self._writer.send(answer)
            request = None

    # Requests

    def _observe(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        from guiwei.target.observation import observe

        started = time.process_time()
        found = observe(System(self._root, self._state_dir), request)
        pending = PendingHandlers(self._state_dir).names()
        found.update(op="observed", format=FORMAT, pending_handlers=pending, cpu=time.process_time() - started)
        return found

    def _apply(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        from guiwei.target.facts import mint_pc_id
        from guiwei.target.journal import Journal
        from guiwei.target.leftovers import sweep
        from guiwei.target.steps import apply_steps

        os.makedirs(self._state_dir, mode=0o700, exist_ok=True)
        with self._lock(request["run"]) as cut:
            sweep(self._state_dir, cut)
            minted = mint_pc_id(self._state_dir, request.get("machine_id", ""))
            journal = Journal(self._state_dir, request["run"])
            system = System(self._root, self._state_dir, journal, self._blob)
            try:
                whole = apply_steps(system, journal, request, self._report)
            finally:
                system.close()
                journal.close()
        pending = PendingHandlers(self._state_dir).names()
        return {"op": "applied", "whole": whole, "pending_handlers": pending, "pc_id": minted}

    def _rollback(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        from guiwei.target.journal import Journal, list_runs
        from guiwei.target.leftovers import sweep
        from guiwei.target.undo import roll_back

        if request["run"] not in list_runs(self._state_dir):
            return {"op": "rolled-back", "whole": True, "known": False}
        with self._lock(request["run"]) as cut:
            sweep(self._state_dir, cut)
            # What was fetched for the run, and kept for its next try, goes as well.
            sweep(self._state_dir, request["run"], fetched=True)
            journal = Journal(self._state_dir, request["run"])
            system = System(self._root, self._state_dir, journal, self._blob)
            try:
                whole = roll_back(system, request["run"], self._report)
            finally:
                system.close()
                journal.close()
        return {"op": "rolled-back", "whole": whole, "known": True}

    def _backups(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        from guiwei.target.backups import Backups

        backups = Backups(System(self._root, self._state_dir))
        if request.get("check"):
            return {"op": "backups", "backups": [backups.check(request["check"])]}
        if request.get("fetch"):
            return {"op": "backups", "backups": [backups.send(request["fetch"], self._piece_out)]}
        receipts = backups.list()
        if request.get("run"):
            from guiwei.target.journal import journal_entries

            entries = journal_entries(self._state_dir, request["run"])
            made = {entry["backup"] for entry in entries if entry["op"] == "data"}
            receipts = [receipt for receipt in receipts if receipt["backup"] in made]
        return {"op": "backups", "backups": receipts}

    def _support(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        from guiwei.target.support import collect

        system = System(self._root, self._state_dir)
        try:
            return collect(system, request)
        finally:
            system.close()

    # What requests need

    def _report(self, result: Dict[str, Any]) -> None:
        try:
            self._writer.send(dict(result, op="result"))
        except OSError:
            # The step is done and journalled; nobody is there to hear of it, so nothing more is begun.
            raise SystemExit(0) from None

    def _piece_out(self, piece: bytes) -> None:
        self._writer.send({"op": "result", "piece": piece})

    def _blob(self, sha256: str, offset: int) -> Iterator[bytes]:
        self._drain()
        self._writer.send({"op": "blob", "sha256": sha256, "offset": offset})
        self._blob_open = True
        while self._blob_open:
            piece = self._piece()
            if piece:
                yield piece

    def _piece(self) -> bytes:
        try:
            piece = self._reader.receive_data()
        except EOFError as error:
            raise HostError("frame-broken", detail="channel closed inside a blob") from error
        self._blob_open = bool(piece)
        return piece

    def _drain(self) -> None:
        """Read a blob to its end that a failing step (a full disk) left half read."""
        while self._blob_open:
            self._piece()

    def _lock(self, run: str) -> "_Lock":
        return _Lock(os.path.join(self._state_dir, "lock"), run)


class _Lock:
    """Held by the one agent that may write on this PC; the system lets go of it when the process ends.

    Entered, it tells the run whose agent was cut while it held the lock; empty if none was.
    """

    def __init__(self, path: str, run: str) -> None:
        self._path = path
        self._run = run
        self._file: Any = None

    def __enter__(self) -> str:
        self._file = open(self._path, "a+b")
        try:
            if os.name == "nt":
                import msvcrt

                # Windows keeps others from reading a locked byte: lock one behind the holder's name.
                self._file.seek(4096)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().decode("utf-8", "replace").strip()
            self._file.close()
            raise GateError("pc-locked", holder=holder) from None
        self._file.seek(0)
        cut = str(self._file.read().decode("utf-8", "replace")).strip()
        self._file.truncate(0)
        self._file.write(self._run.encode("utf-8"))
        self._file.flush()
        return cut

    def __exit__(self, *_: object) -> None:
        self._file.truncate(0)
        self._file.close()


def main(first: Optional[bytes] = None, stdin: Optional[BinaryIO] = None, stdout: Optional[BinaryIO] = None) -> None:
    """Serve standard input and output.

    Args:
        first: the body of a first frame that the bootstrap has read already.
        stdin, stdout: binary streams; the process's own by default.
    """
    import json

    from guiwei.target.wire import decode

    source = stdin or os.fdopen(os.dup(0), "rb")
    sink = stdout or os.fdopen(os.dup(1), "wb")
    if stdout is None:
        # Whatever prints by mistake must not stand between frames.
        os.dup2(2, 1)
        sys.stdout = sys.stderr
    agent = Agent(FrameReader(source), FrameWriter(sink))
    agent.serve(decode(json.loads(first.decode("utf-8", "surrogatepass"))) if first is not None else None)
