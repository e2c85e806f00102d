"""A Python for the PC that is killed at a chosen moment, as by a power cut: `ansible_python_interpreter` for tests.

Every call that makes a change durable or visible is a moment: a flush to the disk, a rename, a removal, a new folder.
The kill comes before the call. Which one is told by the environment of the controller, so only local PCs can die.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

__all__ = ["AT", "LOG", "install"]

#: The number of the moment, from 1; or `NAME:END#N` for the Nth call of NAME whose last path ends so, and
#: `NAME:END#N+K` for the Kth moment after that. Else it lives.
AT = "GUIWEI_TEST_KILL_AT"
#: A file that gets one line a moment.
LOG = "GUIWEI_TEST_KILL_LOG"

_CALLS = ("fsync", "rename", "replace", "unlink", "mkdir", "rmdir", "chmod")


def install(folder: Path) -> Path:
    """Make the interpreter in a folder and return its path."""
    path = folder / "dying-python"
    # The five words that are passed over are `-I -S -X utf8 -c`: how guiwei starts Python.
    path.write_text(f'#!/bin/sh\nshift 5\nexec {sys.executable} -I -S -X utf8 {__file__} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


class _Moments:
    def __init__(self, at: str, log: str) -> None:
        self._number = int(at) if at.isdigit() else 0
        self._call, _, rest = ("", "", "") if at.isdigit() or not at else at.partition(":")
        self._end, _, nth = rest.partition("#")
        nth, _, more = nth.partition("+")
        self._left, self._more = int(nth or 1), int(more or 0)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else -1
        self._count = 0

    def watch(self, name: str) -> None:
        plain = getattr(os, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self._come(name, arguments)
            return plain(*arguments, **more)

        setattr(os, name, call)

    def _come(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._count += 1
        last = [str(one) for one in arguments if isinstance(one, str)][-1:] or [""]
        if self._log >= 0:
            os.write(self._log, f"{self._count} {name} {last[0]}\n".encode())
        named = name == self._call and last[0].endswith(self._end)
        self._left -= named
        if named and self._left == 0:
            self._number = self._count + self._more
        if self._count == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


def _main() -> None:
    stage, sys.argv = sys.argv[1], ["-c", *sys.argv[2:]]
    moments = _Moments(os.environ.pop(AT, ""), os.environ.pop(LOG, ""))
    for name in _CALLS:
        moments.watch(name)
    exec(compile(stage, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    _main()
