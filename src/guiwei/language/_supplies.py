"""Files of the controller's that become values before anything travels: templates, artifacts, certificates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language.template import Templates, TooEarly
from guiwei.target.contract import FieldSpec
from guiwei.target.secret import Secret, reveal

__all__ = ["check_supply", "supply"]


def check_supply(
    spec: FieldSpec, path: Any, templates: Templates, scope: Mapping[str, Any], place: Place | None
) -> None:
    """Check a supply as far as it can be before the host is observed.

    Raises:
        InputError: there is no such file (`play-file-missing`), or its template is wrong.
    """
    if not isinstance(path, str) or spec.how == "password":
        return
    if spec.how != "template":
        templates.find(path, ("files",), place)
        return
    try:
        templates.render_file(path, scope, place, early=True)
    except TooEarly:
        return


def supply(
    spec: FieldSpec,
    given: Mapping[str, Any],
    templates: Templates,
    scope: Mapping[str, Any],
    place: Place | None,
    state: dict[str, Any],
    artifacts: list[tuple[str, Path]],
    early: bool,
) -> None:
    """Turn one supply into the value that travels.

    Args:
        given: all arguments, rendered.
        state: gets the value.
        artifacts: gets the file, where the value is its hash.
        early: nothing of the host is known yet.

    Raises:
        InputError: `supply-secret`, `supply-hash`, `play-file-missing`, `file-unreadable`, `certificate-…`.
    """
    item = given[spec.name]
    assert spec.into is not None
    if spec.how == "password":
        # It opens the file here and goes no further.
        return
    if not isinstance(item, str):
        raise InputError("supply-secret", place, field=spec.name)
    if spec.how == "template":
        state[spec.into] = templates.render_file(item, scope, place, early=early)
        return
    path = templates.find(item, ("files",), place)
    if spec.how == "certificate":
        from guiwei.language._certificates import open_certificate

        password = given.get("password")
        opened = open_certificate(path, None if password is None else str(reveal(password)), place)
        state[spec.into] = opened.certificates
        if opened.key is not None:
            state.setdefault("private_key", Secret(opened.key))
        return
    sha256 = _hash_of(path)
    if state.get(spec.into, sha256) != sha256:
        raise InputError("supply-hash", place, field=spec.name, file=str(path), wanted=state[spec.into], found=sha256)
    state[spec.into] = sha256
    artifacts.append((sha256, path))


def _hash_of(path: Path) -> str:
    status = path.stat()
    return _hash(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _hash(path: Path, mtime_ns: int, size: int) -> str:
    """Read once for each state of the file: 32 hosts share one installer of 300 MB."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("file-unreadable", file=str(path), reason=error.strerror or str(error)) from None
