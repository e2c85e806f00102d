"""Plain backups on the PC: whole folders and files with their hashes, proved by a trial restore.

    <state_dir>/backups/<id>/manifest.json
    <state_dir>/backups/<id>/data/<n>/…       one folder for each backed-up path

A client's database may be password-protected (the 2015+ Aisino client's `cc3268.dll` is): it is copied whole, never
opened. The caller stops the client first.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from guiwei.errors import GateError, ResourceError
from guiwei.target.files import hash_file, stat_real
from guiwei.target.journal import fsync_folder
from guiwei.target.system import System

__all__ = ["Backups"]

FORMAT = 1


class Backups:
    """Make, list, check and restore backups of one PC."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._folder = os.path.join(system.state_dir, "backups")

    def make(self, label: str, paths: List[str], exclude: List[str], note: Mapping[str, Any]) -> Dict[str, Any]:
        """Copy the paths, prove the copy, and return its receipt.

        Args:
            label: what it is of, usually an instance's id.
            paths: folders and files; one that is missing is an error.
            exclude: file names that are left out (locks of a running client).
            note: kept in the manifest: product, versions, ledger.

        Raises:
            ResourceError: a path is missing, a file changed while it was copied, or the trial restore failed.
        """
        backup = "%s-%s" % (time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), os.urandom(3).hex())
        target = os.path.join(self._folder, backup)
        partial = target + ".partial"
        os.makedirs(os.path.join(partial, "data"), mode=0o700)
        try:
            entries = []
            for number, path in enumerate(paths):
                entries.append(self._copy(path, os.path.join(partial, "data", str(number)), exclude))
            manifest = {
                "format": FORMAT,
                "backup": backup,
                "label": label,
                "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "entries": entries,
                "note": dict(note),
            }
            _write_json(os.path.join(partial, "manifest.json"), manifest)
            self._trial(partial, manifest)
            os.rename(partial, target)
            fsync_folder(self._folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return self._receipt(manifest)

    def list(self) -> List[Dict[str, Any]]:
        """Return the receipts of all whole backups, oldest first."""
        names = sorted(os.listdir(self._folder)) if os.path.isdir(self._folder) else []
        return [self._receipt(self._manifest(name)) for name in names if not name.endswith(".partial")]

    def check(self, backup: str) -> Dict[str, Any]:
        """Hash every file of a backup against its manifest and return its receipt.

        Raises:
            ResourceError: `backup-missing`, or `backup-damaged` with the path.
        """
        manifest = self._manifest(backup)
        self._trial(os.path.join(self._folder, backup), manifest)
        return self._receipt(manifest)

    def moved_since(self, backup: str) -> Optional[str]:
        """Return the first path whose live content is no longer what the backup holds, None if all is."""
        for entry in self._manifest(backup)["entries"]:
            live = self._system.files.real(entry["path"])
            for name, record in entry["files"].items():
                path = os.path.join(live, name) if name else live
                if name.endswith(".log") or record["kind"] != "file":
                    continue
                if not os.path.isfile(path) or hash_file(path) != record["sha256"]:
                    return path
        return None

    def restore(self, backup: str) -> Dict[str, Any]:
        """Put the backed-up paths back; what is there now is kept as the run's before-image.

        Raises:
            ResourceError: the backup is not whole; nothing was touched.
        """
        receipt = self.check(backup)
        manifest = self._manifest(backup)
        for number, entry in enumerate(manifest["entries"]):
            source = os.path.join(self._folder, backup, "data", str(number))
            real = self._system.files.real(entry["path"])
            prepared = "%s.guiwei-%s" % (real, backup)
            os.makedirs(os.path.dirname(real), exist_ok=True)
            if entry["kind"] == "file":
                with open(source, "rb") as file:
                    self._system.files.write(entry["path"], file.read(), entry["files"][""]["mode"])
                continue
            shutil.rmtree(prepared, ignore_errors=True)
            _copy_tree(source, prepared, [])
            for name, record in entry["files"].items():
                _own_like(os.path.join(prepared, name) if name else prepared, record)
            self._system.files.swap_tree(prepared, entry["path"])
        return receipt

    def _copy(self, path: str, target: str, exclude: List[str]) -> Dict[str, Any]:
        real = self._system.files.real(path)
        found = stat_real(real)
        if found is None:
            raise ResourceError("path-missing", path=path)
        before = dict(_records(real, exclude))
        if found.kind == "file":
            shutil.copy2(real, target)
        else:
            _copy_tree(real, target, exclude)
        if before != dict(_records(real, exclude)):
            raise ResourceError("backup-moving", path=path)
        return {"path": path, "kind": found.kind, "files": before}

    def _trial(self, folder: str, manifest: Mapping[str, Any]) -> None:
        """Restore into nowhere: read every byte back, and ask every readable database whether it is whole."""
        for number, entry in enumerate(manifest["entries"]):
            base = os.path.join(folder, "data", str(number))
            for name, record in entry["files"].items():
                path = os.path.join(base, name) if name else base
                if record["kind"] != "file":
                    continue
                if not os.path.isfile(path) or hash_file(path) != record["sha256"]:
                    raise ResourceError("backup-damaged", path=os.path.join(entry["path"], name))
                _check_database(path)

    def _manifest(self, backup: str) -> Dict[str, Any]:
        try:
            with open(os.path.join(self._folder, backup, "manifest.json"), encoding="utf-8") as file:
                found: Dict[str, Any] = json.load(file)
        except (OSError, ValueError) as error:
            raise ResourceError("backup-missing", backup=backup) from error
        if found["format"] > FORMAT:
            raise GateError("backup-format", backup=backup, format=found["format"])
        return found

    def _receipt(self, manifest: Mapping[str, Any]) -> Dict[str, Any]:
        files = [record for entry in manifest["entries"] for record in entry["files"].values()]
        return {
            "backup": manifest["backup"],
            "label": manifest["label"],
            "made": manifest["made"],
            "paths": [entry["path"] for entry in manifest["entries"]],
            "files": sum(1 for record in files if record["kind"] == "file"),
            "bytes": sum(record.get("size", 0) for record in files),
            "note": manifest["note"],
        }


def _records(real: str, exclude: List[str]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    found = stat_real(real)
    if found is None:
        return
    if found.kind != "directory":
        yield "", _record(real)
        return
    yield "", _record(real)
    for folder, folders, names in os.walk(real):
        folders.sort()
        for name in sorted(folders + [name for name in names if name not in exclude]):
            path = os.path.join(folder, name)
            yield os.path.relpath(path, real).replace(os.sep, "/"), _record(path)


def _record(path: str) -> Dict[str, Any]:
    found = stat_real(path)
    if found is None:
        return {"kind": "missing"}
    record: Dict[str, Any] = {"kind": found.kind, "mode": found.mode, "owner": found.owner, "group": found.group}
    if found.kind == "file":
        record.update(size=found.size, sha256=hash_file(path))
    return record


def _copy_tree(source: str, target: str, exclude: List[str]) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*exclude) if exclude else None)


def _own_like(path: str, record: Mapping[str, Any]) -> None:
    from guiwei.target.files import own

    if record["kind"] in ("file", "directory"):
        own(path, record["owner"], record["group"])


def _check_database(path: str) -> None:
    with open(path, "rb") as file:
        if file.read(16) != b"SQLite format 3\x00":
            return
    # `immutable`: the copy must stay as it is, without a journal beside it.
    connection = sqlite3.connect("file:%s?mode=ro&immutable=1" % _uri(path), uri=True)
    try:
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise ResourceError("backup-damaged", path=path) from error
    finally:
        connection.close()
    if verdict != "ok":
        raise ResourceError("backup-damaged", path=path)


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.replace(os.sep, "/"))


def _write_json(path: str, value: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, sort_keys=True, indent=1)
        file.flush()
        os.fsync(file.fileno())
