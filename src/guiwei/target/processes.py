"""Programs on the PC: run one to its end or its deadline, and leave nothing of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any, BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Union

from guiwei.errors import ResourceError
from guiwei.target.secret import Secret, reveal

__all__ = ["Result", "alive", "end_tree", "run_program"]

#: How much of a program's output is kept for the message of a failure.
OUTPUT_LIMIT = 64 << 10


class Result(NamedTuple):
    """How a program ended: its exit code and the beginnings of what it printed."""

    code: int
    out: str
    err: str


def run_program(
    argv: List[Union[str, Secret]],
    timeout: float,
    given: Optional[Union[str, Secret]] = None,
    environment: Optional[Mapping[str, Any]] = None,
    folder: Optional[str] = None,
) -> Result:
    """Run a program without a shell and wait for its end.

    Args:
        argv: the program and its arguments; a secret there would stand in the process list, so it is refused.
        timeout: deadline in seconds; past it the whole process tree is ended.
        given: standard input; the place for a secret.
        environment: added to a plain environment (PATH, HOME, UTF-8).
        folder: working folder, a real path.

    Raises:
        ResourceError: `command-secret-argument`, `command-missing`, `command-timeout`.
    """
    if any(isinstance(word, Secret) for word in argv):
        raise ResourceError("command-secret-argument", program=str(argv[0]))
    words = [str(word) for word in argv]
    # Output goes to files, not pipes: a daemon that a program leaves behind may hold a pipe open for ever.
    with _scratch() as out, _scratch() as err, _in_memory() as stdin:
        stdin.write(str(reveal(given) or "").encode("utf-8"))
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                words,
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=_environment(environment),
                cwd=folder,
                start_new_session=os.name != "nt",
            )
        except FileNotFoundError as error:
            raise ResourceError("command-missing", program=words[0]) from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            end_tree(process.pid)
            process.wait()
            raise ResourceError("command-timeout", program=words[0], seconds=timeout) from error
        return Result(code, _beginning(out), _beginning(err))


def _scratch() -> Any:
    import tempfile

    return tempfile.TemporaryFile()


def _in_memory() -> Any:
    """A file that no disk sees, for what may be a secret; where the system has none (Windows), a temporary one."""
    make = getattr(os, "memfd_create", None)
    try:
        return os.fdopen(make("guiwei"), "w+b") if make else _scratch()
    except OSError:
        return _scratch()


def _beginning(file: BinaryIO) -> str:
    file.seek(0)
    data = file.read(OUTPUT_LIMIT)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _environment(extra: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    names = ("PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD")
    plain = {name: os.environ[name] for name in names if name in os.environ}
    plain.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    plain["LC_ALL"] = "C.UTF-8"
    plain.update({name: str(reveal(item)) for name, item in (extra or {}).items()})
    return plain


def end_tree(pid: int) -> None:
    """End a program and everything that it started in its session."""
    if sys.platform == "win32":
        from guiwei.target.windows import descendants

        # Children last: what is being started while its parent goes is then in the list of nobody.
        for one in descendants(pid):
            try:
                os.kill(one, signal.SIGTERM)
            except OSError:
                pass
        return
    # Those that left the session go too, as long as their parents tell of them.
    descendants = _descendants(pid)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    for descendant in descendants:
        try:
            os.kill(descendant, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _descendants(pid: int) -> List[int]:
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            with open("/proc/%d/stat" % int(name), "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    if sys.platform == "win32":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return True
