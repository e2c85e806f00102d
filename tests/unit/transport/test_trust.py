"""The file of trusted host keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import paramiko
import pytest

from guiwei.errors import InputError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.transport import trust
from guiwei.transport.settings import Settings
from guiwei.transport.variables import read_login


def key() -> trust.ScannedKey:
    made = paramiko.ECDSAKey.generate()
    return trust.ScannedKey(made.get_name(), trust.fingerprint(made), made)


def host(name: str = "10.0.0.7", port: int = 22) -> Host:
    return Host("pc", {"ansible_host": name, "ansible_port": port})


def code(path: Path, of: Host, shown: trust.ScannedKey) -> str:
    with pytest.raises(UnreachableError) as caught:
        trust.check_host_key(read_login(of), path, shown.key)
    return caught.value.code


def test_only_what_was_recorded_is_trusted(tmp_path: Path) -> None:
    path, one, two = tmp_path / "deep" / "known_hosts", key(), key()
    assert code(path, host(), one) == "host-key-unknown"
    trust.record(host(), [one], path)
    trust.check_host_key(read_login(host()), path, one.key)
    assert code(path, host(), two) == "host-key-changed"
    # Another port is another host, and a port's own entry is written as OpenSSH writes it.
    assert code(path, host(port=2222), one) == "host-key-unknown"
    trust.record(host(port=2222), [two], path)
    assert path.read_text().splitlines()[1].startswith("[10.0.0.7]:2222 ecdsa-sha2-nistp256 ")
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


def test_recording_replaces_and_keeps_the_rest(tmp_path: Path) -> None:
    path, old, new, other = tmp_path / "kh", key(), key(), key()
    line = f"10.0.0.7,10.0.0.8 {old.type} {old.key.get_base64()} both"
    path.write_text(f"# by hand\n\n{line}\n@revoked * {other.type} {other.key.get_base64()}\n")
    trust.record(host(), [new], path)
    assert path.read_text().splitlines() == [
        "# by hand",
        "",
        f"10.0.0.8 {old.type} {old.key.get_base64()} both",
        f"@revoked * {other.type} {other.key.get_base64()}",
        f"10.0.0.7 {new.type} {new.key.get_base64()}",
    ]
    trust.check_host_key(read_login(host("10.0.0.8")), path, old.key)
    assert code(path, host(), old) == "host-key-changed"
    assert code(path, host(), other) == "host-key-revoked"


def test_two_keys_of_one_type(tmp_path: Path) -> None:
    path, one, two = tmp_path / "kh", key(), key()
    trust.record(host(), [one, two], path)
    for shown in (one, two):
        trust.check_host_key(read_login(host()), path, shown.key)


def test_forget(tmp_path: Path) -> None:
    path, one = tmp_path / "kh", key()
    assert trust.forget(host(), path) is False
    trust.record(host(), [one], path)
    trust.record(host("10.0.0.9"), [one], path)
    assert trust.forget(host(), path) is True
    assert code(path, host(), one) == "host-key-unknown"
    trust.check_host_key(read_login(host("10.0.0.9")), path, one.key)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen: apt-get install openssh-client")
def test_hashed_names(tmp_path: Path) -> None:
    """As OpenSSH itself hashes them."""
    path, source, one = tmp_path / "kh", tmp_path / "theirs", key()
    names = ("10.0.0.7", "[10.0.0.7]:2222")
    source.write_text("".join(f"{name} {one.type} {one.key.get_base64()}\n" for name in names))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(source)], check=True, capture_output=True)
    assert "10.0.0.7" not in source.read_text()
    assert trust.import_file(source, path) == 2
    assert trust.import_file(source, path) == 0
    for port in (22, 2222):
        trust.check_host_key(read_login(host(port=port)), path, one.key)
    assert trust.known_types(read_login(host()), path) == ("ecdsa-sha2-nistp256",)
    assert trust.forget(host(), path) is True
    assert code(path, host(), one) == "host-key-unknown"
    trust.check_host_key(read_login(host(port=2222)), path, one.key)


def test_import_of_something_else(tmp_path: Path) -> None:
    source = tmp_path / "x"
    for content, wanted in ((None, "known-hosts-unreadable"), ("nothing of the kind\n", "known-hosts-empty")):
        if content:
            source.write_text(content)
        with pytest.raises(InputError) as caught:
            trust.import_file(source, tmp_path / "kh")
        assert caught.value.code == wanted
    assert not (tmp_path / "kh").exists()


def test_many_write_at_once(tmp_path: Path) -> None:
    path, one = tmp_path / "kh", key()
    threads = [threading.Thread(target=trust.record, args=(host(f"10.0.1.{n}"), [one], path)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_text().splitlines()) == 24
    assert sorted(os.listdir(tmp_path)) == ["kh", "kh.lock"]


def test_settings_name_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GUIWEI_KNOWN_HOSTS", str(tmp_path / "x"))
    assert Settings().known_hosts == tmp_path / "x"
    monkeypatch.delenv("GUIWEI_KNOWN_HOSTS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().known_hosts == tmp_path / ".config" / "guiwei" / "known_hosts"
