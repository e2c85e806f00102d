"""Backups in files on the controller: fetched from the PC that made them, brought to one that is new."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from guiwei.cli._running import Runner
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError, InputError
from guiwei.target.backup_parts import FORMAT, receipt_of
from guiwei.target.files import hash_file

__all__ = ["fetch_backup", "read_backup"]

_NAME = "manifest.json"
#: No real manifest comes near to it: each file that was backed up takes some 200 bytes.
_LIMIT = 256 << 20


def fetch_backup(backup: str, work: Work, path: Path, runner: Runner) -> None:
    """Write a backup that a PC holds into a file (.tar.gz, mode 0600: it holds the client's invoices).

    Raises:
        InputError: the file is there already (`file-exists`).
        GuiweiError: the PC did not answer, or the backup is not whole; then no file is left.
    """
    if path.exists():
        raise InputError("file-exists", path=str(path))
    partial = path.with_name(path.name + ".partial")
    with suppress(FileNotFoundError):
        partial.unlink()
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            (answer,) = runner.each(
                (work,),
                lambda host_run, one: host_run.ask(
                    one, {"op": "backups", "fetch": backup}, lambda result: _write(file, result)
                ),
            )
            if isinstance(answer, GuiweiError):
                raise answer
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise


def _write(file: Any, result: Mapping[str, Any]) -> None:
    file.write(result["piece"])


def read_backup(path: Path) -> dict[str, Any]:
    """Return the receipt of the backup that a file holds, with `archive`, the file's SHA-256.

    Raises:
        InputError: it is no .tar.gz or .zip of a backup (`backup-file`).
    """
    try:
        manifest = json.loads(_manifest(path))
        if not isinstance(manifest, dict) or manifest["format"] > FORMAT:
            raise ValueError(f"format {manifest['format']}")
        return {**receipt_of(manifest), "archive": hash_file(str(path))}
    except (OSError, EOFError, ValueError, KeyError, TypeError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise InputError("backup-file", path=str(path), detail=str(error) or type(error).__name__) from error


def _manifest(path: Path) -> bytes:
    """The manifest lies at the top, or in the one folder that is packed."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as whole:
            for each in whole.infolist():
                if _is_manifest(each.filename) and each.file_size <= _LIMIT:
                    return whole.read(each)
    else:
        with tarfile.open(path, "r:*") as tar:
            for member in tar:
                file = tar.extractfile(member) if _is_manifest(member.name) and member.size <= _LIMIT else None
                if file is not None:
                    return file.read()
    raise ValueError(f"no {_NAME}")


def _is_manifest(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return len(parts) <= 2 and parts[-1:] == (_NAME,)
