"""Ansible Vault: texts that real `ansible-vault` reads and writes, and the passwords that open them.

The format (https://docs.ansible.com/ansible/latest/vault_guide/vault_encrypting_content.html, "format of files
encrypted with Ansible Vault"): a header `$ANSIBLE_VAULT;1.1;AES256` (or `1.2` with an id), then hex of hex salt,
hex HMAC-SHA256 and hex ciphertext. PBKDF2-HMAC-SHA256, 10,000 rounds, gives the AES-256 key, the HMAC key and the
counter; AES runs in CTR mode over PKCS7-padded bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import subprocess
from binascii import unhexlify
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from guiwei.errors import InputError, Place
from guiwei.language._text import decode, read_bytes
from guiwei.language.source import Source, Vaulted, loads
from guiwei.target.secret import Secret

__all__ = [
    "DEFAULT_ID",
    "Keyring",
    "VaultSecret",
    "decrypt",
    "decrypt_all",
    "encrypt",
    "header_id",
    "is_vault",
    "load_source",
    "seal",
]

#: The id of a password that was given without one.
DEFAULT_ID = "default"

_HEADER = "$ANSIBLE_VAULT"
_VERSIONS = ("1.1", "1.2")
_CIPHER = "AES256"
_ROUNDS = 10_000
_WIDTH = 80
_BLOCK = 16
#: A client script's way to say that it does not know the id.
_UNKNOWN_ID = 2

Prompt = Callable[[str], str | bytes]


class VaultSecret(Secret):
    """A decrypted value that remembers the text it came from, so that an export can show that instead."""

    __slots__ = ("ciphertext",)

    def __init__(self, text: str, ciphertext: str) -> None:
        super().__init__(text)
        self.ciphertext = ciphertext

    __hash__ = Secret.__hash__


class _Keys(NamedTuple):
    cipher: bytes
    check: bytes
    counter: bytes


class Keyring:
    """Vault passwords under their ids, in the order in which they are tried."""

    def __init__(self) -> None:
        self._passwords: list[tuple[str, bytes]] = []
        self._opened: dict[str, tuple[bytes, bytes]] = {}
        self._proven: set[str] = set()

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.ids)})"

    def __bool__(self) -> bool:
        return bool(self._passwords)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in order; the same id may come more than once."""
        return tuple(label for label, _ in self._passwords)

    def add(self, password: bytes | str, vault_id: str = DEFAULT_ID) -> None:
        """Add a password at the end.

        Raises:
            InputError: `vault-empty-password`.
        """
        secret = password.encode() if isinstance(password, str) else password
        if not secret:
            raise InputError("vault-empty-password", id=vault_id)
        self._passwords.append((vault_id, secret))

    def password(self, vault_id: str | None = None) -> bytes:
        """Return the password to encrypt with: the id's, or the first of all.

        Raises:
            InputError: `vault-no-password` or `vault-unknown-id`.
        """
        if not self._passwords:
            raise InputError("vault-no-password")
        for label, password in self._passwords:
            if vault_id is None or label == vault_id:
                return password
        raise InputError("vault-unknown-id", id=vault_id, known=", ".join(self.ids))

    @classmethod
    def from_options(
        cls,
        password_files: Sequence[Path | str] = (),
        vault_ids: Sequence[str] = (),
        prompt: Prompt | None = None,
    ) -> Keyring:
        """Gather passwords as `--vault-id` and `--vault-password-file` name them; ids come first, as in Ansible.

        Args:
            password_files: each a file, or a script whose output is the password.
            vault_ids: each `label@source` or `source`; a source is a file, a script, or `prompt`. A script named
                `…-client` gets `--vault-id LABEL`.
            prompt: asks for the password of a label.

        Raises:
            InputError: a `vault-…` code; never with a password or a script's output.
        """
        keyring = cls()
        for option in vault_ids:
            label, at, source = option.partition("@")
            if not at:
                label, source = "", option
            keyring._load(label, source, prompt)
        for file in password_files:
            keyring._load("", str(file), None)
        return keyring

    def _load(self, label: str, source: str, prompt: Prompt | None) -> None:
        vault_id = label or DEFAULT_ID
        if source in ("prompt", "prompt_ask_vault_pass"):
            if prompt is None:
                raise InputError("vault-no-prompt", id=vault_id)
            answer = prompt(vault_id)
            self.add((answer.encode() if isinstance(answer, str) else answer).strip(), vault_id)
            return
        path = Path(source).expanduser().absolute()
        if not path.exists() or path.is_dir():  # a pipe from `<(command)` will do
            raise InputError("vault-password-file-missing", file=source)
        if path.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
            self.add(_run(path, label), vault_id)
            return
        data = read_bytes(path).strip()
        if is_vault(data):
            data = decrypt(decode(data, source), self, Place(source, 1, 1))
        self.add(data.strip(b"\r\n"), vault_id)

    def open(self, text: str, place: Place | None = None) -> bytes:
        """Decrypt a vault text: the password under its id is tried first, then every other.

        Raises:
            InputError: see `decrypt`.
        """
        return self._open(text, place)[0]

    def password_of(self, text: str) -> bytes:
        """Return the password that opens a vault text.

        Raises:
            InputError: see `decrypt`.
        """
        return self._open(text, None)[1]

    def _open(self, text: str, place: Place | None) -> tuple[bytes, bytes]:
        """Return a vault text's content and its password."""
        if text not in self._opened:
            self._opened[text] = self._try(text, place)
        return self._opened[text]

    def _try(self, text: str, place: Place | None) -> tuple[bytes, bytes]:
        label, salt, check, ciphertext = _parse(text, place)
        if not self._passwords:
            raise InputError("vault-no-password", place)
        wanted = label or DEFAULT_ID
        for vault_id, password in sorted(self._passwords, key=lambda each: each[0] != wanted):
            keys = _derive(password, salt)
            if hmac.compare_digest(hmac.digest(keys.check, ciphertext, "sha256"), check):
                self._proven.add(vault_id)
                return _unpad(_crypt(keys, ciphertext), place), password
        if label and label not in self.ids:
            raise InputError("vault-unknown-id", place, id=label, known=", ".join(self.ids))
        # Only the checksum tells a wrong password from a changed text. A password that opened others is right.
        raise InputError("vault-tampered" if wanted in self._proven else "vault-wrong-password", place, id=wanted)


def is_vault(data: str | bytes) -> bool:
    """Tell whether a file's content, or a value, is a vault text."""
    return data.startswith(_HEADER) if isinstance(data, str) else data.startswith(_HEADER.encode())


def header_id(text: str) -> str | None:
    """Return the id in a vault text's header.

    Raises:
        InputError: see `decrypt`.
    """
    return _parse(text, None)[0]


def encrypt(data: bytes, password: bytes, vault_id: str | None = None) -> str:
    """Return the vault text of some bytes.

    Args:
        data: what to encrypt.
        password: the password.
        vault_id: written into the header (format 1.2), unless it is the default one (format 1.1).

    Raises:
        InputError: `vault-already-encrypted`, `vault-empty-password` or `vault-bad-id`.
    """
    if is_vault(data):
        raise InputError("vault-already-encrypted")
    if not password:
        raise InputError("vault-empty-password", id=vault_id or DEFAULT_ID)
    header = f"{_HEADER};1.1;{_CIPHER}"
    if vault_id and vault_id != DEFAULT_ID:
        if re.search(r"[;\s]", vault_id):
            raise InputError("vault-bad-id", id=vault_id)
        header = f"{_HEADER};1.2;{_CIPHER};{vault_id}"
    salt = os.urandom(32)
    keys = _derive(password, salt)
    padding = _BLOCK - len(data) % _BLOCK
    ciphertext = _crypt(keys, data + bytes([padding]) * padding)
    check = hmac.digest(keys.check, ciphertext, "sha256")
    payload = "\n".join(part.hex() for part in (salt, check, ciphertext)).encode().hex()
    lines = [payload[start : start + _WIDTH] for start in range(0, len(payload), _WIDTH)]
    return "\n".join([header, *lines, ""])


def decrypt(text: str, keyring: Keyring | None, place: Place | None = None) -> bytes:
    """Return what a vault text holds.

    Raises:
        InputError: `vault-no-password`, `vault-wrong-password`, `vault-tampered` (a password that opened others
            does not fit), `vault-damaged`, `vault-unknown-version`, `vault-unknown-cipher`, `vault-unknown-id`.
    """
    return (keyring if keyring is not None else Keyring()).open(text, place)


def decrypt_all(data: Any, keyring: Keyring | None, *, keep_unknown: bool = False) -> Any:
    """Return a value with every `Vaulted` in it decrypted to a `Secret`.

    Args:
        data: dicts, lists and scalars, as `Source.data` holds them; it is not changed.
        keyring: the passwords.
        keep_unknown: leave a value as `Vaulted` when no password is known for its id. An operator of one branch
            need not hold the passwords of all others; whoever uses such a value must refuse it.

    Raises:
        InputError: see `decrypt`; `vault-not-text` for a value that is no UTF-8 text.
    """
    if isinstance(data, dict):
        return {key: decrypt_all(value, keyring, keep_unknown=keep_unknown) for key, value in data.items()}
    if isinstance(data, list):
        return [decrypt_all(value, keyring, keep_unknown=keep_unknown) for value in data]
    if not isinstance(data, Vaulted):
        return data
    try:
        plain = decrypt(data.text.strip(), keyring, data.place)
        return VaultSecret(plain.decode(), data.text)
    except UnicodeDecodeError:
        raise InputError("vault-not-text", data.place) from None
    except InputError as error:
        if keep_unknown and error.code == "vault-unknown-id":
            return data
        raise


def load_source(path: Path, keyring: Keyring | None) -> tuple[Source, Any]:
    """Read a YAML file that may be encrypted as a whole or in single values.

    Of a file that is encrypted as a whole every text and number becomes a `Secret`: `vault_pin: 123456` is as
    secret as a text. Without any password, single encrypted values stay `Vaulted`.

    Returns:
        The source, for places, and its value.
    """
    file = str(path)
    data = read_bytes(path)
    if is_vault(data):
        plain = decrypt(decode(data, file), keyring, Place(file, 1, 1))
        source = loads(decode(plain, file), file)
        return source, seal(decrypt_all(source.data, keyring, keep_unknown=True))
    source = loads(decode(data, file), file)
    return source, decrypt_all(source.data, keyring, keep_unknown=True) if keyring else source.data


def seal(data: Any) -> Any:
    """Return a value with every text and number in it as a `Secret`; booleans and null stay, they tell nothing."""
    if isinstance(data, dict):
        return {key: seal(value) for key, value in data.items()}
    if isinstance(data, list):
        return [seal(value) for value in data]
    if isinstance(data, (str, int, float)) and not isinstance(data, bool):
        return Secret(str(data))
    return data


def _parse(text: str, place: Place | None) -> tuple[str | None, bytes, bytes, bytes]:
    """Return a vault text's id, salt, checksum and ciphertext."""
    lines = text.strip().splitlines()
    header = [part.strip() for part in lines[0].split(";")] if lines else []
    if len(header) < 3 or header[0] != _HEADER:
        raise InputError("vault-damaged", place)
    if header[1] not in _VERSIONS:
        raise InputError("vault-unknown-version", place, version=header[1])
    if header[2] != _CIPHER:
        raise InputError("vault-unknown-cipher", place, cipher=header[2])
    try:
        salt, check, ciphertext = (
            unhexlify(part) for part in unhexlify("".join(line.strip() for line in lines[1:])).split(b"\n", 2)
        )
    except ValueError:
        raise InputError("vault-damaged", place) from None
    if not salt or len(check) != 32 or not ciphertext or len(ciphertext) % _BLOCK:
        raise InputError("vault-damaged", place)
    return header[3] if len(header) > 3 else None, salt, check, ciphertext


def _derive(password: bytes, salt: bytes) -> _Keys:
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 80)
    return _Keys(derived[:32], derived[32:64], derived[64:])


def _crypt(keys: _Keys, data: bytes) -> bytes:
    worker = Cipher(algorithms.AES(keys.cipher), modes.CTR(keys.counter)).encryptor()
    return worker.update(data) + worker.finalize()


def _unpad(data: bytes, place: Place | None) -> bytes:
    count = data[-1]
    if not 1 <= count <= _BLOCK or data[-count:] != bytes([count]) * count:
        raise InputError("vault-damaged", place)
    return data[:-count]


def _run(script: Path, label: str) -> bytes:
    """Return what a password script prints; its error output goes to the terminal, where it may ask."""
    client = script.stem.endswith("-client")
    command = [str(script), "--vault-id", label] if client and label else [str(script)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError("vault-script-failed", file=str(script), reason=reason) from None
    if client and done.returncode == _UNKNOWN_ID:
        raise InputError("vault-script-unknown-id", file=str(script), id=label or DEFAULT_ID)
    if done.returncode:
        raise InputError("vault-script-failed", file=str(script), reason=f"exit {done.returncode}")
    return done.stdout.strip(b"\r\n")
