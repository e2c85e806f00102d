"""Plain backups on the PC: whole folders and files with their hashes, proved by a trial restore.

    <state_dir>/backups/<id>/manifest.json
    <state_dir>/backups/<id>/data/<n>/…       one folder for each backed-up path

A client's database may be password-protected (the 2015+ Aisino client's `cc3268.dll` is): it is copied whole, never
opened. The caller stops the client first.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from guiwei.errors import GateError, ResourceError
from guiwei.target.backup_parts import FORMAT, chosen, places, receipt_of, with_values
from guiwei.target.contract import Resource, compose
from guiwei.target.files import hash_file, own, stat_real
from guiwei.target.journal import fsync_folder
from guiwei.target.rows import file_uri
from guiwei.target.system import System
from guiwei.target.trees import copy_file, copy_tree, sync_tree

__all__ = ["Backups"]


class Backups:
    """Make, list, check and restore backups of one PC."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._folder = os.path.join(system.state_dir, "backups")

    def make(
        self,
        label: str,
        paths: List[str],
        exclude: List[str],
        note: Mapping[str, Any],
        allow_damaged: bool = False,
        values: Optional[List[Dict[str, Any]]] = None,
    ) -> Dict[str, Any]:
        """Copy the paths, prove the copy, and return its receipt.

        Args:
            label: what it is of, usually an instance's id.
            paths: folders and files; one that is missing is an error.
            exclude: names that are left out, with `*` and `?` (locks of a running client).
            note: kept in the manifest: product, versions, ledger.
            values: resources (`module`, `with`) whose states belong to the data but lie in files that others write too.
            allow_damaged: keep a database too that SQLite says is damaged (before a recovery), and say so.

        Raises:
            ResourceError: a path is missing (`path-missing`), a file changed while it was copied (`backup-moving`),
                a database is damaged (`backup-source-damaged`), or the trial restore failed (`backup-damaged`).
        """
        backup = "%s-%s" % (time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), os.urandom(3).hex())
        target = os.path.join(self._folder, backup)
        partial = target + ".partial"
        os.makedirs(os.path.join(partial, "data"), mode=0o700)
        try:
            entries = []
            for number, path in enumerate(paths):
                entries.append(self._copy(path, os.path.join(partial, "data", str(number)), exclude))
            damaged = [path for entry, base in _bases(partial, entries) for path in _damaged(entry, base)]
            if damaged and not allow_damaged:
                raise ResourceError("backup-source-damaged", path=damaged[0])
            manifest = {
                "format": FORMAT,
                "backup": backup,
                "label": label,
                "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "entries": entries,
                "exclude": list(exclude),
                "damaged": damaged,
                "values": [dict(each, state=self._resource(each).read(self._system)) for each in values or ()],
                "note": dict(note),
            }
            _write_json(os.path.join(partial, "manifest.json"), manifest)
            for folder in (os.path.join(partial, "data"), partial):
                fsync_folder(folder)
            self._trial(partial, manifest)
            os.rename(partial, target)
            fsync_folder(self._folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return receipt_of(manifest)

    def list(self) -> List[Dict[str, Any]]:
        """Return the receipts of all whole backups, oldest first."""
        names = sorted(os.listdir(self._folder)) if os.path.isdir(self._folder) else []
        return [receipt_of(self._manifest(name)) for name in names if not name.endswith(".partial")]

    def known(self, backup: str) -> bool:
        """Tell whether a backup is on this PC."""
        return os.path.isfile(os.path.join(self._folder, backup, "manifest.json"))

    def check(self, backup: str) -> Dict[str, Any]:
        """Hash every file of a backup against its manifest and return its receipt.

        Raises:
            ResourceError: `backup-missing`, or `backup-damaged` with the path.
        """
        manifest = self._manifest(backup)
        self._trial(os.path.join(self._folder, backup), manifest)
        return receipt_of(manifest)

    def send(self, backup: str, send: Callable[[bytes], None]) -> Dict[str, Any]:
        """Hash every file of a backup, send it packed (.tar.gz) piece by piece, and return its receipt.

        Raises:
            ResourceError: as `check`.
        """
        from guiwei.target.backup_parts import pack

        receipt = self.check(backup)
        pack(os.path.join(self._folder, backup), send)
        return receipt

    def moved_since(self, backup: str, exactly: bool = False, parts: Optional[List[str]] = None) -> Optional[str]:
        """Return the first path whose live content is no longer what the backup holds, None if all is.

        Args:
            exactly: files that came since count too. Logs (`*.log`) never do.
            parts: as in `restore`.
        """
        manifest = self._manifest(backup)
        exclude = manifest.get("exclude", [])
        for entry in manifest["entries"]:
            live = self._system.files.real(entry["path"])
            for name, record in entry["files"].items():
                if not chosen(entry, name, parts):
                    continue
                path = os.path.join(live, name) if name else live
                if name.endswith(".log") or record["kind"] != "file":
                    continue
                if not os.path.isfile(path) or hash_file(path) != record["sha256"]:
                    return path
            for name in _names(live, exclude) if exactly else ():
                if not chosen(entry, name, parts):
                    continue
                path = os.path.join(live, name)
                if name not in entry["files"] and not name.endswith(".log") and not os.path.isdir(path):
                    return path
        for each in manifest.get("values", ()) if with_values(parts) else ():
            if self._resource(each).read(self._system) != each["state"]:
                return str(each["with"].get("path"))
        return None

    def restore(self, backup: str, parts: Optional[List[str]] = None) -> Dict[str, Any]:
        """Put the backed-up paths back; what is there now is kept as the run's before-image.

        Args:
            parts: paths within the backup, and `values` for the single values; everything if there are none.

        Raises:
            ResourceError: the backup is not whole, or lacks a part (`backup-no-part`); nothing was touched.
        """
        receipt = self.check(backup)
        manifest = self._manifest(backup)
        for number, entry, name in list(places(manifest, parts)):
            source = os.path.join(self._folder, backup, "data", str(number), name).rstrip("/")
            place = (entry["path"] + "/" + name).rstrip("/")
            real = self._system.files.real(place)
            prepared = "%s.guiwei-%s" % (real, backup)
            self._system.files.make_folder(os.path.dirname(place))
            record = entry["files"][name]
            if record["kind"] == "file":
                chunks = _pieces_of(source)
                self._system.files.write_chunks(place, chunks, record["sha256"], record["mode"])
                self._system.files.set_owner(place, record["owner"] or None, record["group"] or None)
                continue
            shutil.rmtree(prepared, ignore_errors=True)
            self._system.files.announce(temporary=prepared)
            try:
                copy_tree(source, prepared)
                # What the backup holds may have been copied by another account: the manifest knows the owners.
                for inner, record in entry["files"].items():
                    if not name or inner == name or inner.startswith(name + "/"):
                        _own_like(os.path.join(prepared, inner[len(name) :].lstrip("/")).rstrip("/"), record)
                sync_tree(prepared)
                self._system.files.swap_tree(prepared, place)
            finally:
                shutil.rmtree(prepared, ignore_errors=True)
        self._system.forget()
        for each in manifest.get("values", ()) if with_values(parts) else ():
            resource = self._resource(each)
            if resource.read(self._system) != each["state"]:
                if each["state"] is not None and each["with"].get("path"):
                    # A PC that was set up anew may lack the very folder that the record lies in.
                    self._system.files.make_folder(os.path.dirname(each["with"]["path"]))
                resource.write(self._system, each["state"])
        return receipt

    def receive(self, backup: str, sha256: str) -> None:
        """Take a backup that another PC made, packed into an archive, unless it is here already.

        Raises:
            ResourceError: the archive is not what its hash says, holds another backup, or one that is not whole.
        """
        from guiwei.target.archives import fetch_blob, unpack

        if os.path.isdir(os.path.join(self._folder, backup)):
            return
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        partial = os.path.join(self._folder, backup + ".partial")
        archive = partial + ".part"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            fetch_blob(self._system, sha256, archive)
            unpack(archive, partial, backup)
            names = os.listdir(partial)
            # Packed as a folder, or what is in it.
            base = os.path.join(partial, names[0]) if len(names) == 1 else partial
            manifest = _read_manifest(base, backup)
            if manifest.get("backup") != backup:
                raise ResourceError("backup-of-another", backup=backup, label=str(manifest.get("label")))
            self._trial(base, manifest)
            sync_tree(base)
            os.rename(base, os.path.join(self._folder, backup))
            fsync_folder(self._folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if os.path.exists(archive):
                os.unlink(archive)

    @staticmethod
    def _resource(value: Mapping[str, Any]) -> Resource:
        return compose(value["module"], value["with"])

    def _copy(self, path: str, target: str, exclude: List[str]) -> Dict[str, Any]:
        real = self._system.files.real(path)
        found = stat_real(real)
        if found is None:
            raise ResourceError("path-missing", path=path)
        before = dict(_records(real, exclude))
        if found.kind == "file":
            copy_file(real, target)
        else:
            copy_tree(real, target, lambda name: _left_out(name, exclude))
        if before != dict(_records(real, exclude)):
            raise ResourceError("backup-moving", path=path)
        return {"path": path, "kind": found.kind, "files": before}

    def _trial(self, folder: str, manifest: Mapping[str, Any]) -> None:
        """Restore into nowhere: read every byte back. The databases among them were asked when they were copied."""
        for entry, base in _bases(folder, manifest["entries"]):
            for name, record in entry["files"].items():
                path = os.path.join(base, name) if name else base
                if record["kind"] != "file":
                    continue
                if not os.path.isfile(path) or hash_file(path) != record["sha256"]:
                    raise ResourceError("backup-damaged", path=os.path.join(entry["path"], name))

    def _manifest(self, backup: str) -> Dict[str, Any]:
        return _read_manifest(os.path.join(self._folder, backup), backup)


def _read_manifest(folder: str, backup: str) -> Dict[str, Any]:
    try:
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            found: Dict[str, Any] = json.load(file)
    except (OSError, ValueError) as error:
        raise ResourceError("backup-missing", backup=backup) from error
    if found["format"] > FORMAT:
        raise GateError("backup-format", backup=backup, format=found["format"])
    return found


def _bases(folder: str, entries: List[Dict[str, Any]]) -> List[Tuple[Dict[str, Any], str]]:
    return [(entry, os.path.join(folder, "data", str(number))) for number, entry in enumerate(entries)]


def _damaged(entry: Mapping[str, Any], base: str) -> Iterator[str]:
    for name, record in entry["files"].items():
        if record["kind"] == "file" and not _sound(os.path.join(base, name) if name else base):
            yield os.path.join(entry["path"], name) if name else str(entry["path"])


def _records(real: str, exclude: List[str]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    found = stat_real(real)
    if found is None:
        return
    if found.kind != "directory":
        yield "", _record(real)
        return
    yield "", _record(real)
    for name in _names(real, exclude):
        yield name, _record(os.path.join(real, name))


def _names(real: str, exclude: List[str]) -> Iterator[str]:
    """Yield what is in a folder, as names relative to it; folders before their contents."""
    for folder, folders, names in os.walk(real):
        folders[:] = sorted(name for name in folders if not _left_out(name, exclude))
        for name in sorted(folders + [name for name in names if not _left_out(name, exclude)]):
            yield os.path.relpath(os.path.join(folder, name), real).replace(os.sep, "/")


def _left_out(name: str, exclude: List[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)


def _record(path: str) -> Dict[str, Any]:
    found = stat_real(path)
    if found is None:
        return {"kind": "missing"}
    record: Dict[str, Any] = {"kind": found.kind, "mode": found.mode, "owner": found.owner, "group": found.group}
    if found.kind == "file":
        record.update(size=found.size, sha256=hash_file(path))
    return record


def _pieces_of(path: str) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        with open(path, "rb") as file:
            while True:
                piece = file.read(1 << 20)
                if not piece:
                    return
                yield piece

    return pieces


def _own_like(path: str, record: Mapping[str, Any]) -> None:
    if record["kind"] in ("file", "directory"):
        own(path, record["owner"], record["group"])
        os.chmod(path, int(record["mode"], 8))


def _sound(path: str) -> bool:
    """Tell whether a copied database is whole; a file that no one can read as SQLite is not asked.

    The copy must stay as it is: `immutable` keeps SQLite from leaving anything beside it, and what a crash left (a hot
    journal, a write-ahead log) is rolled back or forward in a copy of the copy.
    """
    with open(path, "rb") as file:
        if file.read(16) != b"SQLite format 3\x00":
            return True
    sides = [path + end for end in ("-journal", "-wal") if os.path.exists(path + end)]
    if not sides:
        return _verdict(path, "ro&immutable=1")
    scratch = path + ".guiwei-trial"
    os.mkdir(scratch)
    try:
        for one in [path] + sides:
            shutil.copyfile(one, os.path.join(scratch, os.path.basename(one)))
        return _verdict(os.path.join(scratch, os.path.basename(path)), "rw")
    finally:
        shutil.rmtree(scratch)


def _verdict(path: str, mode: str) -> bool:
    import sqlite3

    connection = sqlite3.connect(file_uri(path, mode), uri=True)
    try:
        return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def _write_json(path: str, value: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, sort_keys=True, indent=1)
        file.flush()
        os.fsync(file.fileno())
