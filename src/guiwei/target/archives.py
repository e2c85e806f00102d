"""Archives: fetch one by its hash, going on where a cut left off, and unpack it without trusting it."""

from __future__ import annotations

import functools
import os
import shutil
import stat as stat_bits
from typing import Any, BinaryIO, Callable, Iterator, List, NamedTuple, Optional

from guiwei.errors import ResourceError
from guiwei.target.hashing import new_sha256
from guiwei.target.system import System
from guiwei.target.trees import remove_tree

__all__ = ["fetch_blob", "unpack"]


def fetch_blob(system: System, sha256: str, place: str) -> None:
    """Write a blob's bytes to a real path, checked by its hash.

    A partial file that an earlier cut left there is gone on with; a full disk or wrong bytes leave nothing.

    Raises:
        ResourceError: the bytes are not what the hash says (`content-hash`), or nobody has them.
    """
    for attempt in (1, 2):
        resumed = os.path.exists(place) and os.path.getsize(place) > 0
        if _fetched(system, sha256, place):
            return
        os.unlink(place)
        # What an earlier run left may itself be wrong: once more from the start.
        if not resumed or attempt == 2:
            raise ResourceError("content-hash", path=place)


def _fetched(system: System, sha256: str, place: str) -> bool:
    seen = new_sha256()
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(place, flags, 0o600), "r+b") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            seen.update(piece)
        if seen.hexdigest() == sha256:
            return True
        try:
            for piece in system.blob(sha256, file.tell()):
                seen.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        except BaseException as error:
            # A cut keeps what came; a full disk is no better for half an installer on it, and nothing is no part.
            if isinstance(error, OSError) or file.tell() == 0:
                os.unlink(place)
            raise
    return seen.hexdigest() == sha256


class _Member(NamedTuple):
    """One thing in an archive, whatever its format."""

    name: str
    kind: str
    mode: int
    modified: Optional[float]
    link: str
    open: Callable[[], BinaryIO]


def unpack(archive: str, target: str, package: str) -> None:
    """Unpack a .tar.gz or .zip into a new folder; one folder around everything is left away.

    Owners and set-id bits in the archive are not taken over.

    Args:
        archive, target: real paths.
        package: named in errors.

    Raises:
        ResourceError: it is no such archive, is damaged, or wants to write outside of the folder (`package-archive`).
    """
    import lzma
    import tarfile
    import zipfile
    import zlib

    os.mkdir(target, 0o755)
    try:
        with open(archive, "rb") as file:
            start = file.read(4)
        members = _zip_members if start[:2] == b"PK" else _tar_members
        for member in members(archive):
            _write(member, target)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, _UnsafeError) as error:
        raise ResourceError("package-archive", package=package, detail=str(error)) from error
    except OSError as error:
        # gzip's BadGzipFile is an OSError without a number; the operating system's have one.
        if error.errno is not None:
            raise
        raise ResourceError("package-archive", package=package, detail=str(error)) from error
    _without_wrapper(target)


class _UnsafeError(Exception):
    """A member that would leave the folder, or is no file, folder or link."""


def _write(member: _Member, target: str) -> None:
    place = os.path.join(target, *_inside(member.name, member.name))
    if place == target:
        return
    parent = os.path.dirname(place)
    os.makedirs(parent, 0o755, exist_ok=True)
    # A link that was unpacked before must not lead out of here.
    if not _is_below(os.path.realpath(parent), target):
        raise _UnsafeError(member.name)
    if member.kind == "directory":
        if not os.path.isdir(place) or os.path.islink(place):
            remove_tree(place)
            os.mkdir(place)
        os.chmod(place, (member.mode & 0o777) | 0o700)
        return
    remove_tree(place)
    if member.kind == "link":
        up = os.path.join(os.path.relpath(parent, target), member.link)
        _inside(up, member.name)
        os.symlink(member.link, place)
        return
    source: Any = member.open()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with source, os.fdopen(os.open(place, flags, 0o600), "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    os.chmod(place, member.mode & 0o777)
    if member.modified is not None:
        os.utime(place, (member.modified, member.modified))


def _inside(name: str, told: str) -> List[str]:
    """Return the parts of a relative path, and refuse one that leaves its folder."""
    name = name.replace("\\", "/")
    parts: List[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise _UnsafeError(told)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if name.startswith("/") or ":" in (parts[0] if parts else "") or "\0" in name:
        raise _UnsafeError(told)
    return parts


def _is_below(real: str, target: str) -> bool:
    base = os.path.realpath(target)
    return real == base or real.startswith(base + os.sep)


def _tar_members(archive: str) -> Iterator[_Member]:
    import tarfile

    with tarfile.open(archive, "r:*") as tar:
        for info in tar:
            kind = "file" if info.isreg() or info.islnk() else "directory" if info.isdir() else "link"
            if kind == "link" and not info.issym():
                raise _UnsafeError(info.name)
            if info.islnk():
                _inside(info.linkname, info.name)
            opened = functools.partial(_extracted, tar, info)
            yield _Member(info.name, kind, info.mode, float(info.mtime), info.linkname, opened)


def _extracted(tar: Any, info: Any) -> BinaryIO:
    # A hard link gives the content of the member that it names; a link to nothing gives nothing.
    try:
        found = tar.extractfile(info)
    except KeyError:
        found = None
    if found is None:
        raise _UnsafeError(info.name)
    return found  # type: ignore[no-any-return]


def _zip_members(archive: str) -> Iterator[_Member]:
    import zipfile

    with zipfile.ZipFile(archive) as whole:
        for info in whole.infolist():
            name = info.filename if info.flag_bits & 0x800 else _chinese(info.filename)
            bits = info.external_attr >> 16
            if info.filename.endswith("/"):
                yield _Member(name, "directory", bits or 0o755, None, "", _nothing)
            elif stat_bits.S_ISLNK(bits):
                yield _Member(name, "link", bits, None, whole.read(info).decode("utf-8"), _nothing)
            else:
                opened: Any = functools.partial(whole.open, info)
                yield _Member(name, "file", bits & 0o777 or 0o644, None, "", opened)


def _nothing() -> BinaryIO:
    import io

    return io.BytesIO()


def _chinese(name: str) -> str:
    """Windows tools in Chinese write names as GBK, unmarked; Python takes them for code page 437."""
    try:
        data = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gbk"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def _without_wrapper(target: str) -> None:
    """`lantai-3.1.0/VERSION`: the one folder at the root says nothing."""
    names = os.listdir(target)
    if len(names) != 1 or names[0] == "VERSION" or os.path.islink(os.path.join(target, names[0])):
        return
    inner = os.path.join(target, names[0])
    if not os.path.isfile(os.path.join(inner, "VERSION")):
        return
    unwrapped = target + ".inner"
    os.rename(inner, unwrapped)
    os.rmdir(target)
    os.rename(unwrapped, target)
