"""Turn how a command ended into the error that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.errors import GuiweiError, HostError, UnknownOutcomeError, UnreachableError
from guiwei.target.secret import Secret, masked
from guiwei.transport.variables import Login

__all__ = ["Ending", "explain", "explain_late", "may_write"]

#: Requests that leave the PC as it is; any other may have changed something when its answer is missing.
_READS = frozenset({"observe", "backups"})
_SUDO = (
    ("sudo-tty", r"must have a tty"),
    ("sudo-password", r"a password is required|no password was provided|incorrect password|Sorry, try again"),
    ("sudo-refused", r"not in the sudoers|is not allowed to execute|may not run sudo|unknown user|no valid sudoers"),
    ("sudo-missing", r"(^|[\s:/])sudo['\"]?: (command )?not found|sudo: No such file|exec: .*sudo: not found"),
)
_NO_PYTHON = r"not found|No such file|not recognized|Permission denied|command not found|cannot execute"
_OLD_PYTHON = r"[Uu]nknown option: -I|Unknown option: -X"


@dataclass(frozen=True)
class Ending:
    """What is known when the streams have ended.

    Attributes:
        code: exit code; None if the connection went, or the program was killed.
        errors: the end of standard error.
        seen: the first bytes of standard output.
        spoke: whether the agent has sent a frame.
        lost: whether the connection itself is gone.
    """

    code: int | None
    errors: str
    seen: bytes
    spoke: bool
    lost: bool


def may_write(request: Mapping[str, Any]) -> bool:
    """Tell whether a request can change the PC."""
    return request["op"] not in _READS


def explain(login: Login, request: Mapping[str, Any], ending: Ending) -> GuiweiError:
    """Return the error for a command that ended without an answer.

    Args:
        request: what was asked; its secrets are masked in what the error quotes.
    """
    detail = masked(ending.errors, [*login.secrets, *_secrets(request)])[-800:].strip()
    if not ending.spoke and not ending.lost:
        launch = _launch_error(login, ending, detail)
        if launch:
            return launch
    if may_write(request):
        cause = "connection-lost" if ending.lost else "agent-died"
        return _unknown(login, request, cause, detail)
    if ending.lost:
        return UnreachableError("connection-lost", host=login.name, detail=detail)
    if ending.seen and not ending.spoke:
        seen = masked(ending.seen.decode("utf-8", "backslashreplace"), [*login.secrets, *_secrets(request)])
        return HostError("frame-broken", host=login.name, detail=seen[:200].strip())
    return HostError("agent-died", host=login.name, exit=ending.code, detail=detail)


def explain_late(login: Login, request: Mapping[str, Any], seconds: float) -> GuiweiError:
    """Return the error for an answer that did not come in time."""
    if may_write(request):
        return _unknown(login, request, "deadline-passed", f"{seconds:g} s")
    return HostError("deadline-passed", host=login.name, op=request["op"], seconds=seconds)


def _unknown(login: Login, request: Mapping[str, Any], cause: str, detail: str) -> GuiweiError:
    return UnknownOutcomeError(
        "outcome-unknown", host=login.name, op=request["op"], run=request.get("run"), cause=cause, detail=detail
    )


def _launch_error(login: Login, ending: Ending, detail: str) -> GuiweiError | None:
    """Return why the agent never came to run, if its shell or sudo said so."""
    if login.become:
        for code, pattern in _SUDO:
            if re.search(pattern, ending.errors):
                return HostError(code, host=login.name, user=login.become.user, login=login.user, detail=detail)
    python = ", ".join(login.python)
    if re.search(_OLD_PYTHON, ending.errors):
        return HostError("python-too-old", host=login.name, python=python, version="2")
    # 127 and 126 are the shell's; cmd.exe says 9009 or 1, a loop over candidates ends with 127.
    if ending.code in (126, 127, 9009) or (ending.code == 1 and re.search(r"not recognized", ending.errors)):
        return HostError("python-missing", host=login.name, python=python, detail=detail)
    if ending.code not in (0, None) and "Traceback" not in ending.errors and re.search(_NO_PYTHON, ending.errors):
        return HostError("python-missing", host=login.name, python=python, detail=detail)
    return None


def _secrets(value: Any) -> Iterable[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item)
