"""`guiwei vault`: the files of Ansible Vault."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from guiwei.cli._options import Selection, selection_options
from guiwei.cli._project import Project
from guiwei.cli._usage import NamedGroup
from guiwei.errors import InputError
from guiwei.language.vault import Keyring

__all__ = ["command"]

_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
_ID = click.option("--encrypt-vault-id", "vault_id", help="Write with this id. 写入所用的标识。")


@click.group("vault", cls=NamedGroup)
def command() -> None:
    """View, encrypt, decrypt, edit or rekey Ansible Vault files. 保险库文件。"""


@command.command("view")
@_FILES
@selection_options
def view(files: tuple[Path, ...], selection: Selection) -> int:
    """Print what encrypted files hold. 显示加密文件的内容。"""
    from guiwei.language import vault_files

    keyring = Project(selection).keyring
    for path in files:
        sys.stdout.buffer.write(vault_files.view(path, keyring))
    return 0


@command.command("encrypt")
@_FILES
@_ID
@selection_options
def encrypt(files: tuple[Path, ...], vault_id: str | None, selection: Selection) -> int:
    """Encrypt files in place. 就地加密文件。"""
    from guiwei.language import vault_files

    password = _password(Project(selection).keyring, vault_id)
    for path in files:
        vault_files.encrypt_file(path, password, vault_id)
    return 0


@command.command("encrypt-string")
@click.option("--name", help="The variable's name. 变量名。")
@_ID
@selection_options
def encrypt_string(name: str | None, vault_id: str | None, selection: Selection) -> int:
    """Encrypt standard input as an inline !vault value. 将标准输入加密为行内值。"""
    from guiwei.language import vault_files

    text = click.prompt("Secret", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    password = _password(Project(selection).keyring, vault_id)
    click.echo(vault_files.encrypt_string(text.rstrip("\n"), password, vault_id, name))
    return 0


@command.command("decrypt")
@_FILES
@selection_options
def decrypt(files: tuple[Path, ...], selection: Selection) -> int:
    """Decrypt files in place. 就地解密文件。"""
    from guiwei.language import vault_files

    keyring = Project(selection).keyring
    for path in files:
        vault_files.decrypt_file(path, keyring)
    return 0


@command.command("rekey")
@_FILES
@click.option("--new-vault-password-file", "new_files", multiple=True, help="The new password. 新口令文件。")
@click.option("--new-vault-id", "new_ids", multiple=True, help="label@source. 新标识。")
@selection_options
def rekey(files: tuple[Path, ...], new_files: tuple[str, ...], new_ids: tuple[str, ...], selection: Selection) -> int:
    """Encrypt files with another password. 更换口令。"""
    from guiwei.cli._project import ask_password
    from guiwei.language import vault_files

    project = Project(selection)
    new = Keyring.from_options(new_files, new_ids or (() if new_files else ("new@prompt",)), ask_password)
    label = new_ids[0].partition("@")[0] if new_ids else None
    for path in files:
        vault_files.rekey_file(path, project.keyring, new.password(), label)
    return 0


@command.command("edit")
@click.argument("file", type=click.Path(path_type=Path))
@selection_options
def edit(file: Path, selection: Selection) -> int:
    """Edit an encrypted file with $EDITOR. 用 $EDITOR 编辑加密文件。"""
    from guiwei.language import vault_files

    vault_files.edit_file(file, Project(selection).keyring, _in_editor)
    return 0


def _in_editor(content: bytes) -> bytes:
    """The plain text lies in a private folder in memory while the editor has it, and is gone afterwards."""
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="guiwei-", dir=folder) as place:
        path = Path(place) / "vault.yml"
        path.touch(mode=0o600)
        path.write_bytes(content)
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        if subprocess.call(["/bin/sh", "-c", f'exec {editor} "$1"', editor, str(path)]) != 0:
            raise InputError("vault-editor-failed", editor=editor)
        return path.read_bytes()


def _password(keyring: Keyring, vault_id: str | None) -> bytes:
    return keyring.password(vault_id)
