"""The lock that one running client holds on its instance."""

from __future__ import annotations

import fcntl
import os
import time
from typing import IO

__all__ = ["held", "release", "take"]


def take(path: str, patience: float = 1.0) -> IO[bytes] | None:
    """Return the lock held open, or None when another program keeps it for ``patience`` seconds.

    Someone who only asks with :func:`held` has the lock for an instant, so one refusal is not final.
    """
    deadline = time.monotonic() + patience
    while True:
        file = open(path, "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A program that just stopped may have removed the very file that was opened here.
            if os.path.exists(path) and os.fstat(file.fileno()).st_ino == os.stat(path).st_ino:
                return file
        except OSError:
            pass
        file.close()
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def release(path: str, file: IO[bytes]) -> None:
    """Remove the lock."""
    os.unlink(path)
    file.close()


def held(path: str) -> bool:
    """Tell whether a running program holds the lock."""
    try:
        file = open(path, "rb")
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        file.close()
    return False
