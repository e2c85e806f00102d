"""Files and folders of the PC: every write is temporary file, fsync, rename, fsync of the folder, and journalled."""

from __future__ import annotations

import os
import re
import stat as stat_bits
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional

from guiwei.errors import ResourceError
from guiwei.target.hashing import digest, new_sha256
from guiwei.target.journal import Journal, fsync_folder
from guiwei.target.moves import WINDOWS, busy, kept_mode, marks_of, rename, replace, unlink

__all__ = ["Files", "Stat"]

_SEPARATORS = ("/", "\\") if WINDOWS else ("/",)


class Stat(NamedTuple):
    """What `stat` says of a path: kind is `file`, `directory`, `link` or `other`; mode is four octal digits."""

    kind: str
    size: int
    mode: str
    owner: str
    group: str


class Files:
    """Read and write below `root`.

    Args:
        root: prefix of every path; "/" on a real PC.
        journal: where intents and before-images go; None makes every write a bug (reading phase, probes).
    """

    def __init__(self, root: str, journal: Optional[Journal] = None) -> None:
        self.root = root
        self.journal = journal
        self._cache: Dict[str, Optional[bytes]] = {}
        self._real: Dict[str, str] = {}

    def real(self, path: str) -> str:
        """Return the path on this machine: below the root, links followed, so that a write goes through a link."""
        known = self._real.get(path)
        if known is None:
            known = self._find(path)
            if self.journal is None:
                # Nothing moves while reading; a link may be replaced while writing.
                self._real[path] = known
        return known

    def _find(self, path: str) -> str:
        drive, below = os.path.splitdrive(path)
        # Without a drive a path of Windows means another place on each drive.
        if below[:1] not in _SEPARATORS or (WINDOWS and not drive and self.root in ("/", "")):
            raise ResourceError("path-not-absolute", path=path)
        if self.root in ("/", ""):
            return os.path.realpath(path)
        if ".." in re.split(r"[/\\]" if WINDOWS else "/", below):
            # A `..` could leave the root of a simulated PC.
            raise ResourceError("path-not-absolute", path=path)
        # A drive is a folder there: C:\x is <root>\C\x.
        return os.path.realpath(os.path.join(self.root, drive.replace(":", "").strip("/\\"), below.lstrip("/\\")))

    # Reading

    def stat(self, path: str) -> Optional[Stat]:
        """Return what is at `path`, None if nothing is."""
        return stat_real(self.real(path))

    def read(self, path: str) -> Optional[bytes]:
        """Return a file's bytes, None if it is not there. In one phase of reading a file is read once."""
        real = self.real(path)
        if self.journal is None and real in self._cache:
            return self._cache[real]
        data = _read_real(real)
        if self.journal is None:
            self._cache[real] = data
        return data

    def list(self, path: str) -> List[str]:
        """Return the sorted names in a folder; empty if it is not there."""
        try:
            return sorted(os.listdir(self.real(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def forget(self) -> None:
        """Drop what was read: something outside may have changed it."""
        self._cache.clear()
        self._real.clear()

    # Writing

    def write(self, path: str, data: bytes, mode: Optional[str] = None) -> None:
        """Replace a file's content atomically; owner and mode stay unless `mode` is given (0644 for a new file).

        Writing what is there already does nothing, not even to its times.
        """
        self.write_chunks(path, lambda: [data], digest(data), mode)

    def write_chunks(
        self, path: str, chunks: Callable[[], Iterable[bytes]], sha256: str, mode: Optional[str] = None
    ) -> None:
        """Replace a file's content by chunks that are never whole in memory; see `write`.

        Raises:
            ResourceError: the chunks are not what `sha256` says (`content-hash`); the file is as it was.
        """
        real = self.real(path)
        before = stat_real(real)
        if before is not None and before.kind != "file":
            raise ResourceError("path-kind", path=path, found=before.kind, wanted="file")
        if before is not None and hash_file(real) == sha256:
            if mode is not None:
                self.set_mode(path, mode)
            return
        final_mode = kept_mode(mode or (before.mode if before else "0644"))
        temporary = os.path.join(os.path.dirname(real), ".guiwei-%d-%s" % (os.getpid(), os.path.basename(real)[:40]))
        number = self.intend(
            {
                "op": "file",
                "path": real,
                "temporary": temporary,
                "before": _record(real, before),
                "after": {"sha256": sha256, "mode": final_mode},
            },
            _read_real(real) if before else None,
        )
        try:
            self._replace(real, temporary, chunks(), sha256, final_mode, before)
        except OSError as error:
            error = busy(error, real)
            # Of the temporary file's name nobody knows, and a full disk names none at all.
            error.filename = os.path.dirname(path) if isinstance(error, FileNotFoundError) else path
            raise error from None
        self.done(number)

    def _replace(
        self, real: str, temporary: str, chunks: Iterable[bytes], sha256: str, mode: str, before: Optional[Stat]
    ) -> None:
        seen = new_sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(temporary, flags, 0o600)
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    seen.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if seen.hexdigest() != sha256:
                raise ResourceError("content-hash", path=real)
            if before is not None:
                own(temporary, before.owner, before.group)
            os.chmod(temporary, int(mode, 8))
            replace(temporary, real)
        except BaseException:
            if os.path.exists(temporary):
                unlink(temporary)
            raise
        fsync_folder(os.path.dirname(real))

    def remove(self, path: str) -> None:
        """Remove a file; nothing happens if it is not there."""
        real = self.real(path)
        before = stat_real(real)
        if before is None:
            return
        if before.kind != "file":
            raise ResourceError("path-kind", path=path, found=before.kind, wanted="file")
        number = self.intend(
            {"op": "file", "path": real, "before": _record(real, before), "after": None}, _read_real(real)
        )
        try:
            unlink(real)
        except OSError as error:
            raise busy(error, real) from None
        fsync_folder(os.path.dirname(real))
        self.done(number)

    def make_folder(self, path: str, mode: str = "0755") -> None:
        """Make a folder, with the folders above it that are missing."""
        self._make_real(self.real(path), mode)

    def _make_real(self, real: str, mode: str = "0755") -> None:
        missing = []
        while not os.path.isdir(real):
            if os.path.lexists(real):
                raise ResourceError("path-kind", path=real, found="file", wanted="directory")
            missing.append(real)
            real = os.path.dirname(real)
        for folder in reversed(missing):
            after = {"mode": kept_mode(mode, "directory")}
            number = self.intend({"op": "folder", "path": folder, "before": None, "after": after})
            os.mkdir(folder)
            os.chmod(folder, int(kept_mode(mode if folder == missing[0] else "0755", "directory"), 8))
            fsync_folder(os.path.dirname(folder))
            self.done(number)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder.

        Raises:
            ResourceError: it holds something (`folder-not-empty`): contents are never removed with it.
        """
        real = self.real(path)
        before = stat_real(real)
        if before is None:
            return
        if before.kind != "directory":
            raise ResourceError("path-kind", path=path, found=before.kind, wanted="directory")
        if os.listdir(real):
            raise ResourceError("folder-not-empty", path=path)
        number = self.intend({"op": "folder", "path": real, "before": _record(real, before), "after": None})
        os.rmdir(real)
        fsync_folder(os.path.dirname(real))
        self.done(number)

    def set_mode(self, path: str, mode: str) -> None:
        """Set the permission bits of a file or folder, as four octal digits."""
        self._set(path, {"mode": mode})

    def set_owner(self, path: str, owner: Optional[str], group: Optional[str]) -> None:
        """Set owner and group, by name or number; None leaves one as it is."""
        if WINDOWS:
            # Owners there are no names and groups: no resource declares them.
            return
        wanted = {"owner": owner, "group": group}
        self._set(path, {name: value for name, value in wanted.items() if value is not None})

    def _set(self, path: str, wanted: Dict[str, str]) -> None:
        real = self.real(path)
        before = stat_real(real)
        if before is None:
            raise ResourceError("path-missing", path=path)
        if "mode" in wanted:
            wanted = dict(wanted, mode=kept_mode(wanted["mode"], before.kind))
        if all(getattr(before, name) == value for name, value in wanted.items()):
            return
        number = self.intend({"op": "meta", "path": real, "before": _record(real, before), "after": wanted})
        if "owner" in wanted or "group" in wanted:
            own(real, wanted.get("owner", before.owner), wanted.get("group", before.group))
            # chown clears the set-id bits: put the mode back.
            os.chmod(real, int(before.mode, 8))
        if "mode" in wanted:
            os.chmod(real, int(wanted["mode"], 8))
        self.done(number)

    def swap_tree(self, prepared: str, path: str) -> None:
        """Put the prepared folder (a real path, same file system) where `path` is; the old tree is its before-image.

        Args:
            prepared: a folder whose content is complete and synced.
        """
        from guiwei.target.swaps import identity, swap

        real = self.real(path)
        journal = self._journal()
        self._make_real(os.path.dirname(real))
        entry: Dict[str, Any] = {"op": "tree", "path": real, "aside": None}
        if os.path.lexists(real):
            entry.update(aside=journal.place_for_tree(), old=identity(real), new=identity(prepared))
        number = journal.append(entry)
        if entry["aside"]:
            swap(entry, prepared)
        else:
            rename(prepared, real)
        fsync_folder(os.path.dirname(real))
        self.done(number)

    def remove_tree(self, path: str) -> None:
        """Take a whole folder away; it is set aside as its own before-image."""
        real = self.real(path)
        if not os.path.lexists(real):
            return
        from guiwei.target.trees import move_tree

        journal = self._journal()
        aside = journal.place_for_tree()
        number = journal.append({"op": "tree", "path": real, "aside": aside})
        move_tree(real, aside)
        fsync_folder(os.path.dirname(real))
        self.done(number)

    def keep(self, path: str) -> int:
        """Keep the before-image of a file that another program is about to write; `settle` its number afterwards."""
        real = self.real(path)
        before = stat_real(real)
        return self.intend(
            {"op": "touched", "path": real, "before": _record(real, before)}, _read_real(real) if before else None
        )

    def settle(self, number: int, path: str) -> None:
        """Record what the other program left at `path`, so that rollback knows it again."""
        real = self.real(path)
        self._journal().done(number, after=_record(real, stat_real(real)))

    # Journal

    def announce(self, **places: str) -> None:
        """Journal what is about to lie on the disk for a while, so that it is taken away after a cut.

        Args:
            places: real paths. `temporary`: ours alone; `fetched`: kept until the run is rolled back, because the next
                try goes on from there; `database`: SQLite's own files beside it.
        """
        self._journal().append(dict(places, op="scratch"))

    def _journal(self) -> Journal:
        if self.journal is None:
            raise RuntimeError("a write while reading: check mode is read alone")
        return self.journal

    def intend(self, entry: Dict[str, Any], image: Optional[bytes] = None) -> int:
        """Journal an intent, with the before-image that undoes it, and return its number."""
        journal = self._journal()
        if image is not None:
            entry = dict(entry, image=journal.keep(image))
        return journal.append(entry)

    def done(self, number: int) -> None:
        """Journal that an intent was carried out."""
        self._journal().done(number)


def stat_real(real: str) -> Optional[Stat]:
    """Return the `Stat` of a real path, None if nothing is there."""
    try:
        found = os.lstat(real)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {stat_bits.S_IFREG: "file", stat_bits.S_IFDIR: "directory", stat_bits.S_IFLNK: "link"}
    kind = kinds.get(stat_bits.S_IFMT(found.st_mode), "other")
    owner, group = _names(found.st_uid, found.st_gid)
    return Stat(kind, found.st_size, "%04o" % stat_bits.S_IMODE(found.st_mode), owner, group)


_name_memo: Dict[str, str] = {}


def _names(uid: int, gid: int) -> "tuple[str, str]":
    if WINDOWS:
        return "", ""
    import grp
    import pwd

    for mark, number, look in (("u", uid, pwd.getpwuid), ("g", gid, grp.getgrgid)):
        if mark + str(number) not in _name_memo:
            try:
                _name_memo[mark + str(number)] = look(number)[0]
            except KeyError:
                _name_memo[mark + str(number)] = str(number)
    return _name_memo["u" + str(uid)], _name_memo["g" + str(gid)]


def own(real: str, owner: str, group: str) -> None:
    """Give a path an owner and a group, by name or number; nothing on Windows."""
    if WINDOWS:
        return
    import grp
    import pwd

    try:
        uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ResourceError("owner-unknown", path=real, owner="%s:%s" % (owner, group)) from error
    found = os.lstat(real)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(real, uid, gid)


def _record(real: str, found: Optional[Stat]) -> Optional[Dict[str, Any]]:
    if found is None:
        return None
    record = {"mode": found.mode, "owner": found.owner, "group": found.group}
    if found.kind == "file":
        record["sha256"] = hash_file(real)
    return dict(record, **marks_of(real))


def _read_real(real: str) -> Optional[bytes]:
    try:
        with open(real, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def hash_file(real: str) -> str:
    """Return the SHA-256 of a file in hex, read in pieces."""
    seen = new_sha256()
    with open(real, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            seen.update(piece)
    return seen.hexdigest()
