"""One Windows PC: a Wine prefix with its own server, code page 936, and a Python."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from guiwei.lab.windows import parts

__all__ = ["WinePc"]

#: What of the caller's environment programs in the prefix may see: not DISPLAY, no paths.
_KEPT = ("HOME", "USER", "LOGNAME", "GUIWEI_TEST_PROCESS", "GUIWEI_CI", "PYTHONDONTWRITEBYTECODE")


class WinePc:
    """A Windows PC in a folder; use it as a context manager, or `start` and `stop`.

    Args:
        folder: an empty or missing folder for this PC alone.

    Attributes:
        drive: what Windows calls `C:`.
        python: a program of this machine that starts the PC's Python with the arguments that it gets.

    Raises:
        Unavailable: Wine or the Windows CPython is not here and cannot be had.
    """

    def __init__(self, folder: Path) -> None:
        parts.install_packages()
        self.folder = folder
        self.prefix = folder / "prefix"
        self.drive = self.prefix / "drive_c"
        self.python = folder / "python"
        self._locale = parts.locale_folder()
        self._library = parts.python_folder()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WinePc:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of whatever is started on the PC."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {
            **kept,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            # Nothing of Windows' own .NET or HTML, and no menu entries on the machine.
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",
            "LOCPATH": str(self._locale),
            "LC_ALL": "zh_CN.UTF-8",
            "TMPDIR": str(self.folder),
        }

    def start(self) -> None:
        """Start the PC's server, which keeps every later program quick; at first make the PC."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.prefix.is_dir()
        self.prefix.mkdir(exist_ok=True)
        # In the foreground and persistent: it is ours to end, and it ends when we say so.
        self._server = subprocess.Popen(
            [parts.WINESERVER, "-f", "-p"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            # Whatever starts Windows' own services hands its streams on to them: so nobody's streams.
            self._quietly("wineboot.exe", "-i")
            if not made:
                self._make()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything that runs on the PC, and its server."""
        if self._server is None:
            return
        server, self._server = self._server, None
        subprocess.run([parts.WINESERVER, "-k"], env=self.environment, capture_output=True, check=False)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        # A program that was only starting begins a server of its own where it finds none.
        limit = time.monotonic() + 20
        while (left := self._processes()) and time.monotonic() < limit:
            for pid, _ in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def run(
        self,
        argv: Sequence[str | Path],
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a Windows program to its end, with pipes for its streams.

        Args:
            argv: the program as Windows names it (`C:\\…`, `cmd.exe`), and its arguments.
            given: its standard input.
        """
        return subprocess.run(
            [*parts.loader(), *argv],
            env={**self.environment, **(environment or {})},
            input=given,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def run_python(self, program: str, *arguments: str) -> str:
        """Run a few lines on the PC's Python.

        Returns:
            what they print.

        Raises:
            RuntimeError: they ended with another code than 0; the text has the code and what they said.
        """
        done = self.run(["C:\\Python\\python.exe", "-X", "utf8", "-c", program, *arguments])
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")
            raise RuntimeError(f"python.exe ended with {done.returncode}: {list(arguments)}\n{said}")
        return done.stdout.decode("utf-8").replace("\r\n", "\n")

    def open(self, argv: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start a Windows program with pipes for its streams, and return it while it runs."""
        return subprocess.Popen(
            [*parts.loader(), *argv],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _make(self) -> None:
        self._quietly("winecfg.exe", "-v", "win10")
        # The prefix links its documents to the home folder of whoever runs it: no PC may write there.
        users = self.drive / "users"
        for path in [*users.rglob("*")]:
            if path.is_symlink():
                path.unlink()
                path.mkdir()
        shutil.copytree(self._library, self.drive / "Python", copy_function=_link)
        words = " ".join(f"{name}={_quoted(value)}" for name, value in self.environment.items())
        self.python.write_text(
            f'#!/bin/sh\nexec env -u DISPLAY {words} {" ".join(parts.loader())} "C:\\\\Python\\\\python.exe" "$@"\n',
            encoding="utf-8",
        )
        self.python.chmod(0o755)

    def _quietly(self, *argv: str) -> None:
        done = subprocess.run(
            [*parts.loader(), *argv],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
        if done.returncode != 0:
            raise parts.Unavailable(f"{argv[0]} ended with {done.returncode}")

    def windows_path(self, path: Path) -> str:
        """Return what the PC calls a path of this machine: below `C:` where it lies there, else on `Z:`."""
        if path.is_relative_to(self.drive):
            return "C:\\" + str(path.relative_to(self.drive)).replace("/", "\\")
        return "Z:" + str(path).replace("/", "\\")

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until no program but Windows' own services runs on the PC; tell whether that came about."""
        limit = time.monotonic() + seconds
        while self.programs():
            if time.monotonic() > limit:
                return False
            time.sleep(0.05)
        return True

    def programs(self) -> list[str]:
        """Return the command lines of what runs on the PC, without Windows' own services."""
        return [line for _, line in self._processes() if not _is_service(line)]

    def end_programs(self) -> None:
        """End what runs on the PC, without Windows' own services."""
        for pid, line in self._processes():
            if not _is_service(line):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[tuple[int, str]]:
        """Return number and command line of all that runs in the prefix."""
        found = []
        mark = f"WINEPREFIX={self.prefix}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                    if line:
                        found.append((int(folder.name), line))
            except OSError:
                continue
        return found


#: What a started prefix runs by itself.
_SERVICES = ("wineserver", "services.exe", "winedevice.exe", "plugplay.exe", "explorer.exe", "svchost.exe",
             "rpcss.exe", "start.exe", "conhost.exe")  # fmt: skip


def _is_service(line: str) -> bool:
    return any(name in line for name in _SERVICES)


def _link(source: str, target: str) -> str:
    """The library is the same for all PCs: a link to it is enough."""
    os.symlink(source, target)
    return target


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
