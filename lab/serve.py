"""Serve the lab's fleet until told to stop: ``python -m guiwei.lab.serve FOLDER [--ports A,B,C] [--fresh]``.

``FOLDER/serve.pid`` is there while the fleet is ready; ``FOLDER/serve.lock`` is held by the one who serves or builds.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .fleet import PCS, Fleet

__all__ = ["end", "main", "serving"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the fleet if it is not there, serve it until SIGTERM or SIGINT, then stop everything.

    Returns:
        0, or 2 when the folder is served already.
    """
    options = _parser().parse_args(arguments)
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    folder: Path = options.folder.expanduser().absolute()
    with _holding(folder, patience=1.0) as mine:
        if not mine:
            print(f"{folder}: already served", file=sys.stderr)
            return 2
        fleet = Fleet(folder, options.ports)
        if options.fresh or not fleet.built:
            fleet.build(lambda name: print(f"built {name}", flush=True))
        if not leave.is_set():
            _serve(fleet, leave)
    return 0


def serving(folder: Path) -> int | None:
    """Return the id of the process that serves a fleet, once it is ready; None when there is none."""
    try:
        pid = int((folder / "serve.pid").read_text("ascii"))
    except (OSError, ValueError):
        return None
    # A pid file alone may be left from a crash.
    with _holding(folder) as free:
        return None if free else pid


def end(folder: Path, timeout: float = 60.0) -> bool:
    """Stop whoever serves a fleet and wait until all of it is gone; tell whether there was somebody.

    Args:
        timeout: seconds.

    Raises:
        TimeoutError: it is still there.
    """
    pid = serving(folder)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + timeout
    while time.monotonic() < limit:
        with _holding(folder) as free:
            if free:
                return True
        time.sleep(0.05)
    raise TimeoutError(f"process {pid} still serves {folder}")


def _serve(fleet: Fleet, leave: threading.Event) -> None:
    note = fleet.folder / "serve.pid"
    try:
        fleet.start()
        fresh = note.with_suffix(".new")
        fresh.write_text(f"{os.getpid()}\n", "ascii")
        fresh.replace(note)
        hosts = fleet.inventory()["all"]["children"]["branches"]["hosts"]
        print("ready", *(f"{pc.name}=127.0.0.1:{hosts[pc.name]['ansible_port']}" for pc in PCS), flush=True)
        leave.wait()
    finally:
        note.unlink(missing_ok=True)
        fleet.stop()


@contextmanager
def _holding(folder: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold the right to serve a folder; yield whether it was to be had.

    Who only asks holds it for an instant: `patience` seconds outlast that.
    """
    limit = time.monotonic() + patience
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "serve.lock").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > limit:
                    yield False
                    return
            time.sleep(0.05)
        yield True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m guiwei.lab.serve", description="Serve the lab's fleet.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ports", type=_ports, help="SSH ports of the PCs: 24021,24022,24023")
    parser.add_argument("--fresh", action="store_true", help="build the fleet anew")
    return parser


def _ports(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
