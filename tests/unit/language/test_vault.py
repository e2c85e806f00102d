from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guiwei.errors import InputError, Place
from guiwei.language import vault_files
from guiwei.language.source import Vaulted, loads
from guiwei.language.vault import Keyring, VaultSecret, decrypt, decrypt_all, encrypt, is_vault, load_source
from guiwei.target.secret import Secret

#: Written by ansible-vault of ansible-core 2.19.14.
GOLDEN = """$ANSIBLE_VAULT;1.1;AES256
39626161653139383762666532386235353935393931396533646133316336303962643438616630
3831356561643034363066303135356636646430366565380a366663643032386230393666623862
61633164316230626330343036316233616639363134623164633538616437363939313831623733
6539616530333662390a393034613332666531363162343937636333323230343465333838663162
35633233386337626532393834623533353435616363313265613634333330616561
"""
GOLDEN_PASSWORD = "correct horse battery"
GOLDEN_TEXT = "税盘口令: fictional\n"


def keyring(**passwords: str) -> Keyring:
    ring = Keyring()
    for label, password in passwords.items():
        ring.add(password, label)
    return ring


def code_of(text: str, ring: Keyring | None) -> str:
    with pytest.raises(InputError) as caught:
        decrypt(text, ring, Place("f.yml", 3, 1))
    assert caught.value.place == Place("f.yml", 3, 1)
    return caught.value.code


def changed(text: str) -> str:
    """Return a vault text with another last digit: two characters are one hex digit of the ciphertext, as ASCII."""
    return text.rstrip()[:-1] + ("1" if text.rstrip()[-1] != "1" else "2") + "\n"


def test_a_text_of_real_ansible_vault_opens() -> None:
    assert decrypt(GOLDEN, keyring(default=GOLDEN_PASSWORD)).decode() == GOLDEN_TEXT


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200), st.binary(min_size=1, max_size=40), st.sampled_from([None, "default", "branch"]))
def test_what_is_encrypted_is_decrypted(data: bytes, password: bytes, label: str | None) -> None:
    ring = Keyring()
    ring.add(password)
    if is_vault(data):
        return
    text = encrypt(data, password, label)
    assert decrypt(text, ring) == data
    assert text.splitlines()[0] == "$ANSIBLE_VAULT;" + ("1.2;AES256;branch" if label == "branch" else "1.1;AES256")
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_same_text_is_never_encrypted_alike() -> None:
    assert encrypt(b"x", b"p") != encrypt(b"x", b"p")


def test_the_password_of_the_id_comes_first_but_any_may_fit() -> None:
    text = encrypt(b"x", b"two", "b")
    assert decrypt(text, keyring(a="one", b="two")) == b"x"
    assert decrypt(text, keyring(a="two")) == b"x"
    ring = keyring(a="two", b="two")
    decrypt(text, ring)
    assert code_of(changed(text), ring) == "vault-tampered"  # it was b's password that proved right


def test_each_failure_has_its_own_code() -> None:
    plain = encrypt(b"content", b"right")
    labelled = encrypt(b"content", b"right", "branch")
    lines = plain.splitlines()
    assert code_of(plain, None) == "vault-no-password"
    assert code_of(plain, Keyring()) == "vault-no-password"
    assert code_of(plain, keyring(default="wrong")) == "vault-wrong-password"
    assert code_of(labelled, keyring(default="wrong")) == "vault-unknown-id"
    assert code_of(labelled, keyring(branch="wrong")) == "vault-wrong-password"
    assert code_of("\n".join(lines[:-1]), keyring(default="right")) == "vault-damaged"
    assert code_of(plain.replace(lines[2], "xyz"), keyring(default="right")) == "vault-damaged"
    assert code_of("$ANSIBLE_VAULT", keyring(default="right")) == "vault-damaged"
    assert code_of(plain.replace("1.1", "1.0"), keyring(default="right")) == "vault-unknown-version"
    assert code_of(plain.replace("AES256", "ROT13"), keyring(default="right")) == "vault-unknown-cipher"


def test_a_changed_text_is_told_from_a_wrong_password_once_the_password_is_proven() -> None:
    ring = keyring(default="right")
    text = encrypt(b"content", b"right")
    assert code_of(changed(text), ring) == "vault-wrong-password"
    decrypt(text, ring)
    assert code_of(changed(text), ring) == "vault-tampered"


def test_values_become_secrets_that_remember_their_text() -> None:
    text = encrypt("口令".encode(), b"right")
    block = text.replace("\n", "\n  ")
    data = decrypt_all(loads(f"a: [{{b: 1}}]\nc: !vault |\n  {block}", "f.yml").data, keyring(default="right"))
    assert data["a"] == [{"b": 1}]
    assert data["c"] == Secret("口令")
    assert isinstance(data["c"], VaultSecret)
    assert data["c"].ciphertext.strip() == text.strip()
    assert "口令" not in repr(data)


def test_a_value_of_an_unknown_id_stays_locked_only_on_request() -> None:
    value = Vaulted(encrypt(b"x", b"right", "head-office"), Place("f.yml", 1, 4))
    assert decrypt_all([value], keyring(branch="other"), keep_unknown=True) == [value]
    with pytest.raises(InputError, match="vault-unknown-id"):
        decrypt_all([value], keyring(branch="other"))


def test_a_value_must_be_text() -> None:
    with pytest.raises(InputError, match="vault-not-text"):
        decrypt_all(Vaulted(encrypt(b"\xff", b"right"), Place("f.yml", 1, 1)), keyring(default="right"))


def test_of_a_file_encrypted_as_a_whole_all_but_booleans_is_secret(tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text(encrypt(b"pin: 012345\nport: 22\nuse: true\nlist: [a, null]\n", b"right"))
    _, data = load_source(file, keyring(default="right"))
    assert data == {"pin": Secret("012345"), "port": Secret("22"), "use": True, "list": [Secret("a"), None]}
    with pytest.raises(InputError, match="vault-no-password"):
        load_source(file, None)


def test_passwords_from_files_scripts_and_prompt(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("from file\n")
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\necho from script $#\n")
    client = tmp_path / "get-client.sh"
    client.write_text('#!/bin/sh\n[ "$2" = branch ] || exit 2\necho "$1 $2"\n')
    for file in (script, client):
        file.chmod(0o700)
    (tmp_path / "locked").write_text(encrypt(b"from a vault\n", b"from file"))
    asked: list[str] = []

    def prompt(label: str) -> str:
        asked.append(label)
        return "typed "

    options = [
        f"plain@{tmp_path / 'plain'}", f"locked@{tmp_path / 'locked'}", str(script),
        f"branch@{client}", "office@prompt",
    ]  # fmt: skip
    ring = Keyring.from_options([tmp_path / "plain"], options, prompt)
    assert ring.ids == ("plain", "locked", "default", "branch", "office", "default")
    got = [ring.password(label) for label in ("plain", "locked", "default", "branch", "office")]
    assert got == [b"from file", b"from a vault", b"from script 0", b"--vault-id branch", b"typed"]
    assert ring.password() == b"from file"
    assert asked == ["office"]
    assert "from" not in repr(ring)
    with pytest.raises(InputError, match="vault-unknown-id"):
        ring.password("nobody")


@pytest.mark.parametrize(
    ("content", "mode", "option", "code"),
    [
        ("", 0o600, "{}", "vault-empty-password"),
        ("#!/bin/sh\nexit 3\n", 0o700, "{}", "vault-script-failed"),
        ("no script", 0o700, "{}", "vault-script-failed"),
        ("#!/bin/sh\nexit 2\n", 0o700, "x@{}-client", "vault-script-unknown-id"),
        ("x", 0o600, "x@prompt", "vault-no-prompt"),
        ("x", 0o600, "x@{}.missing", "vault-password-file-missing"),
    ],
)
def test_passwords_that_cannot_be_had(tmp_path: Path, content: str, mode: int, option: str, code: str) -> None:
    for name in ("source", "source-client"):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    with pytest.raises(InputError) as caught:
        Keyring.from_options([], [option.format(tmp_path / "source")])
    assert caught.value.code == code


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_bytes(b"pin: 1\r\n\xff")
    file.chmod(0o644)
    link = tmp_path / "link.yml"
    link.symlink_to(file)
    ring = keyring(default="one")

    vault_files.encrypt_file(link, b"one")
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert vault_files.view(file, ring) == b"pin: 1\r\n\xff"
    with pytest.raises(InputError, match="vault-already-encrypted"):
        vault_files.encrypt_file(file, b"one")

    file.chmod(0o640)
    vault_files.rekey_file(file, ring, b"two", "branch")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    ring = keyring(default="one", branch="two")
    before = file.read_bytes()
    assert not vault_files.edit_file(file, ring, lambda content: content)
    assert file.read_bytes() == before
    assert vault_files.edit_file(file, ring, lambda content: content + b"!")
    assert file.read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;branch\n")
    assert vault_files.view(file, keyring(x="two")) == b"pin: 1\r\n\xff!"

    vault_files.decrypt_file(file, ring)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == b"pin: 1\r\n\xff!"
    with pytest.raises(InputError, match="vault-not-vault"):
        vault_files.decrypt_file(file, ring)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yml", "vars.yml"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failing_write_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    file = tmp_path / "vars.yml"
    file.write_text("pin: 1\n")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(InputError, match="file-unwritable"):
        vault_files.encrypt_file(file, b"one")
    assert file.read_text() == "pin: 1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["vars.yml"]


def test_a_wrong_password_leaves_the_file(tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text(encrypt(b"x", b"right"))
    before = file.read_bytes()
    for action in (vault_files.decrypt_file, lambda path, ring: vault_files.rekey_file(path, ring, b"new")):
        with pytest.raises(InputError, match="vault-wrong-password"):
            action(file, keyring(default="wrong"))
    assert file.read_bytes() == before


def test_an_encrypted_string_is_yaml(tmp_path: Path) -> None:
    text = vault_files.encrypt_string("a: {{ b }}\nc", b"one", "branch", "pin")
    data = decrypt_all(loads(text, "f.yml").data, keyring(branch="one"))
    assert data == {"pin": Secret("a: {{ b }}\nc")}


@pytest.mark.parametrize(
    ("data", "password", "label"), [(b"$ANSIBLE_VAULT;", b"p", None), (b"x", b"", None), (b"x", b"p", "a b")]
)
def test_what_cannot_be_encrypted(data: bytes, password: bytes, label: str | None) -> None:
    with pytest.raises(InputError, match=r"vault-(already-encrypted|empty-password|bad-id)"):
        encrypt(data, password, label)
