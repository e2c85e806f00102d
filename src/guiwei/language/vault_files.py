"""Encrypt, decrypt and rekey files as `ansible-vault` does, so that a cut at any moment loses nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from guiwei.errors import InputError, Place
from guiwei.language._text import decode, read_bytes
from guiwei.language.vault import Keyring, decrypt, encrypt, header_id, is_vault

__all__ = ["decrypt_file", "edit_file", "encrypt_file", "encrypt_string", "rekey_file", "view"]

_PRIVATE = 0o600
#: What `ansible-vault encrypt_string` puts before each line.
_INDENT = " " * 10


def view(path: Path, keyring: Keyring) -> bytes:
    """Return what an encrypted file holds.

    Raises:
        InputError: `file-unreadable`, `vault-not-vault`, or as `guiwei.language.vault.decrypt`.
    """
    return decrypt(_vault_text(path), keyring, Place(str(path), 1, 1))


def encrypt_file(path: Path, password: bytes, vault_id: str | None = None) -> None:
    """Encrypt a file in place; it is readable by its owner alone afterwards.

    Raises:
        InputError: `file-unreadable`, `file-unwritable`, `vault-already-encrypted`, `vault-empty-password`.
    """
    data = read_bytes(path)
    if is_vault(data):
        raise InputError("vault-already-encrypted", Place(str(path), 1, 1))
    _replace(path, encrypt(data, password, vault_id).encode(), _PRIVATE)


def decrypt_file(path: Path, keyring: Keyring) -> None:
    """Decrypt a file in place; it is readable by its owner alone afterwards.

    Raises:
        InputError: as `view`; `file-unwritable`.
    """
    _replace(path, view(path, keyring), _PRIVATE)


def rekey_file(path: Path, keyring: Keyring, password: bytes, vault_id: str | None = None) -> None:
    """Encrypt a file with another password; its mode stays.

    Args:
        path: an encrypted file.
        keyring: opens it.
        password: the new password.
        vault_id: the new id; without one the file has none afterwards.

    Raises:
        InputError: as `view`; `file-unwritable`, `vault-empty-password`.
    """
    _replace(path, encrypt(view(path, keyring), password, vault_id).encode(), None)


def edit_file(path: Path, keyring: Keyring, change: Callable[[bytes], bytes]) -> bool:
    """Change what an encrypted file holds; id and password stay, and the file is left alone if nothing changes.

    Args:
        path: an encrypted file.
        keyring: opens it and closes it again.
        change: gets the content and returns the new one.

    Returns:
        Whether the file was written.

    Raises:
        InputError: as `view`; `file-unwritable`.
    """
    text = _vault_text(path)
    before = decrypt(text, keyring, Place(str(path), 1, 1))
    after = change(before)
    if after == before:
        return False
    password = keyring.password_of(text)
    _replace(path, encrypt(after, password, header_id(text)).encode(), None)
    return True


def encrypt_string(text: str, password: bytes, vault_id: str | None = None, name: str | None = None) -> str:
    """Return the YAML that stands for an encrypted value.

    Args:
        text: the value.
        password: the password.
        vault_id: its id, unless it is the default one.
        name: the variable's name; without one the value alone is returned.
    """
    lines = encrypt(text.encode(), password, vault_id).splitlines()
    start = f"{name}: !vault |" if name else "!vault |"
    return "\n".join([start, *(_INDENT + line for line in lines)])


def _vault_text(path: Path) -> str:
    data = read_bytes(path)
    if not is_vault(data):
        raise InputError("vault-not-vault", Place(str(path), 1, 1))
    return decode(data, str(path))


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    """Replace a file by way of a complete temporary one beside it; a symlink's target is what is replaced.

    Args:
        path: the file.
        data: its new content.
        mode: its new mode; None keeps the old one.
    """
    target = path.resolve()
    temporary: str | None = None
    try:
        before = target.stat()
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            with contextlib.suppress(PermissionError):  # only root may give a file away; the content is what counts
                os.fchown(stream.fileno(), before.st_uid, before.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(before.st_mode) if mode is None else mode)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
        temporary = None
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InputError("file-unwritable", file=str(path), reason=error.strerror or str(error)) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
