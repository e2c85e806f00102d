"""The one command line that starts a program on the PC: Python, and sudo around it."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass

from guiwei.target.secret import Secret
from guiwei.transport.variables import Login

__all__ = ["Launch", "launch_agent", "launch_end", "launch_shell"]

#: Reads the real program from standard input: short, the same for every shell, and nothing hidden in it.
_STAGE = 'import sys;f=open(0,"rb");exec(f.read(int(sys.argv[1])))'
_OPTIONS = "-I -S -X utf8 -c"


@dataclass(frozen=True)
class Launch:
    """A command, what goes to its standard input first, and how sudo talks.

    Attributes:
        command: for the PC's shell.
        prelude: the program's text.
        token: stands in the agent's own arguments, so that its processes can be found.
        password: to give to sudo once `prompt` appears on standard error; then `ready` follows there.
    """

    command: str
    prelude: bytes
    token: str
    password: Secret | None = None
    prompt: bytes = b""
    ready: bytes = b""


def launch_agent(login: Login, program: bytes) -> Launch:
    """Return how to start the agent.

    Args:
        program: the text of `pc/start.py`.
    """
    token = "guiwei-" + secrets.token_hex(8)
    return _launch(login, program, token, [token, login.state_dir])


def launch_end(login: Login, token: str, program: bytes) -> Launch:
    """Return how to end the agent that was started with `token` and all that it started."""
    # Backwards, so that the program does not find itself.
    return _launch(login, program, token, [token[::-1]])


def launch_shell(login: Login, command: str) -> Launch:
    """Return how to run a command by the PC's /bin/sh, with nothing on its standard input."""
    token = "guiwei-" + secrets.token_hex(8)
    # The shell stays, so that the token stays in its arguments while the command runs.
    inner = f"exec </dev/null\n{command}\nexit $?"
    return _as_become(login, f"exec /bin/sh -c {shlex.quote(inner)} {token}", b"", token)


def _launch(login: Login, program: bytes, token: str, arguments: list[str]) -> Launch:
    words = [str(len(program)), *arguments]
    if login.windows_shell:
        quoted = " ".join(f'"{word}"' for word in words)
        return Launch(f'{login.python[0]} {_OPTIONS} "{_STAGE.replace(chr(34), chr(39))}" {quoted}', program, token)
    command = _python(login.python, " ".join([_OPTIONS, shlex.quote(_STAGE), *(shlex.quote(word) for word in words)]))
    return _as_become(login, command, program, token)


def _as_become(login: Login, command: str, program: bytes, token: str) -> Launch:
    if login.become is None:
        return Launch(command, program, token)
    become = login.become
    sudo = f"exec {shlex.quote(become.program)} -H -u {shlex.quote(become.user)}"
    if become.password is None:
        return Launch(f"{sudo} -n -- /bin/sh -c {shlex.quote(command)}", program, token)
    # The password goes to sudo only after sudo asked for it, and the program only after sudo is through: anything sent
    # earlier would be taken for a second try at the password.
    mark = secrets.token_hex(8)
    prompt, ready = f"guiwei-asks-{mark}", f"guiwei-ready-{mark}"
    inner = f"echo {ready} >&2; {command}"
    whole = f"{sudo} -k -S -p {prompt} -- /bin/sh -c {shlex.quote(inner)}"
    return Launch(whole, program, token, become.password, prompt.encode(), ready.encode())


def _python(candidates: tuple[str, ...], arguments: str) -> str:
    if len(candidates) == 1:
        return f"exec {shlex.quote(candidates[0])} {arguments}"
    names = " ".join(shlex.quote(name) for name in candidates)
    check = "import sys; sys.exit(sys.version_info < (3, 7))"
    script = (
        f'for p in {names}; do command -v "$p" >/dev/null 2>&1 && "$p" -c {shlex.quote(check)} >/dev/null 2>&1'
        f' && exec "$p" {arguments}; done; echo "guiwei: no Python 3.7 or later found" >&2; exit 127'
    )
    # The login shell may be any; the loop is for a POSIX one.
    return f"exec /bin/sh -c {shlex.quote(script)}"
