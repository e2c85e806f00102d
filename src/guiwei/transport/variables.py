"""Ansible's connection variables: what a host's variables say about reaching it.

Names and aliases are those of ansible-core's `ssh` and `local` connection and `sudo` become plugins
(https://docs.ansible.com/ansible/latest/collections/ansible/builtin/ssh_connection.html).
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guiwei.errors import InputError
from guiwei.model.inventory import Host, Notice
from guiwei.target.secret import Secret, reveal
from guiwei.transport.ssh_options import Hop, SshOptions, read_options

__all__ = ["Become", "Login", "read_login"]

#: What `auto` tries; each candidate is asked for its version before it is taken.
_AUTO = ("python3", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8", "python3.7",
         "/usr/bin/python3", "/usr/local/bin/python3")  # fmt: skip

_UNSUPPORTED = {
    "ansible_private_key": "ansible_ssh_private_key_file",
    "ansible_ssh_private_key": "ansible_ssh_private_key_file",
    "ansible_ssh_pkcs11_provider": "ssh-agent",
    "ansible_paramiko_proxy_command": "guiwei_jump: HOST",
}


@dataclass(frozen=True)
class Become:
    """How to become another account by sudo.

    Attributes:
        program: sudo itself.
        password: of the login account, given to sudo when it asks; None means that sudo must not ask.
    """

    user: str
    program: str = "sudo"
    password: Secret | None = None


@dataclass(frozen=True)
class Login:
    """Everything that a host's variables say about reaching it and starting Python there.

    Attributes:
        local: no SSH, the PC is this machine.
        key_file: private key; None means the agent's keys and the usual files, unless there is a password.
        python: candidates, the first that works is taken.
        windows_shell: commands go through cmd.exe.
        root: prefix of every path on the PC.
        state_dir: guiwei's folder on the PC; empty for the account's default.
        connect_timeout: seconds, when the inventory says it.
        notices: what is not done as Ansible would do it.
        jump: the jump host that the connection goes through last; it may have one itself.
    """

    name: str
    local: bool
    address: str
    port: int
    user: str
    password: Secret | None = None
    key_file: Path | None = None
    passphrase: Secret | None = None
    python: tuple[str, ...] = ("python3",)
    windows_shell: bool = False
    become: Become | None = None
    root: str = "/"
    state_dir: str = ""
    connect_timeout: float | None = None
    notices: tuple[Notice, ...] = ()
    jump: Login | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return every secret of the login, for masking."""
        found = (self.password, self.passphrase, self.become.password if self.become else None)
        return tuple(secret for secret in found if secret is not None)


def read_login(host: Host) -> Login:
    """Return what a host's variables say.

    Raises:
        InputError: something that cannot be honoured and must not be passed over: `connection-unsupported`,
            `become-unsupported`, `connection-variable`, `ssh-option-unsupported`, `jump-unreadable`, `jump-twice`.
    """
    given = _Vars(host)
    connection = str(given("ansible_connection", default="ssh"))
    if connection not in ("ssh", "smart", "paramiko", "paramiko_ssh", "local", "ansible.builtin.ssh",
                          "ansible.builtin.paramiko_ssh", "ansible.builtin.local"):  # fmt: skip
        raise InputError("connection-unsupported", host.place, host=host.name, connection=connection)
    local = connection.endswith("local")
    for variable, instead in _UNSUPPORTED.items():
        if given(variable) and not local:
            raise InputError("ssh-option-unsupported", host.place, host=host.name, option=variable, instead=instead)
    windows_shell = str(given("ansible_shell_type", default="sh")) in ("cmd", "powershell")
    key_file = given("ansible_private_key_file", "ansible_ssh_private_key_file")
    options = SshOptions() if local else read_options(host, given.ssh_arguments())
    return Login(
        name=host.name,
        local=local,
        address=str(given("ansible_host", "ansible_ssh_host", default=host.name)),
        port=given.number("ansible_port", "ansible_ssh_port", default=22),
        user=str(given("ansible_user", "ansible_ssh_user", default="") or getpass.getuser()),
        password=given.secret("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
        key_file=Path(str(reveal(key_file))).expanduser() if key_file else None,
        passphrase=given.secret("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"),
        python=_python(given("ansible_python_interpreter"), local, windows_shell),
        windows_shell=windows_shell,
        become=_become(given, host),
        root=str(given("guiwei_root", default="/")),
        state_dir=str(given("guiwei_state_dir", default="")),
        connect_timeout=given.number("ansible_ssh_timeout", "ansible_timeout", default=0) or None,
        notices=() if local else (*_notices(given, host), *options.notices),
        jump=None if local else _jump(host, options.hops),
    )


def _jump(host: Host, hops: tuple[Hop, ...]) -> Login | None:
    """A jump host of the inventory has variables of its own; one that ssh arguments name is logged in to as ssh does.

    That is: as this machine's own user if none is named, by the agent's keys and the usual files.
    """
    if host.jump is not None:
        if hops:
            raise InputError("jump-twice", host.place, host=host.name, jump=host.jump.name)
        found = read_login(host.jump)
        return None if found.local else found
    login: Login | None = None
    for hop in hops:
        user = hop.user or getpass.getuser()
        name = hop.address if hop.port == 22 else f"{hop.address}:{hop.port}"
        login = Login(name, False, hop.address, hop.port, user, key_file=hop.key_file, jump=login)
    return login


class _Vars:
    """A host's variables, by name or alias."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._vars: Mapping[str, Any] = host.vars

    def __call__(self, *names: str, default: Any = None) -> Any:
        for name in names:
            if self._vars.get(name) is not None:
                return self._vars[name]
        return default

    def secret(self, *names: str) -> Secret | None:
        found = self(*names)
        return found if found is None or isinstance(found, Secret) else Secret(str(found))

    def ssh_arguments(self) -> list[str]:
        names = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
        return [str(reveal(self(name, default=""))) for name in names]

    def number(self, *names: str, default: int) -> int:
        found = reveal(self(*names, default=default))
        try:
            return int(found)
        except (TypeError, ValueError):
            raise InputError(
                "connection-variable", self._host.place, host=self._host.name, variable=names[0], wanted="number"
            ) from None

    def truth(self, *names: str) -> bool:
        found = reveal(self(*names, default=False))
        text = str(found).strip().lower()
        if text in ("true", "yes", "on", "1", "y", "t"):
            return True
        if text in ("false", "no", "off", "0", "n", "f", ""):
            return False
        raise InputError(
            "connection-variable", self._host.place, host=self._host.name, variable=names[0], wanted="true, false"
        )


def _python(given: Any, local: bool, windows: bool) -> tuple[str, ...]:
    if given is None:
        return (sys.executable,) if local and sys.executable else ("python" if windows else "python3",)
    words = tuple(str(word) for word in given) if isinstance(given, (list, tuple)) else (str(given),)
    # Ansible's auto, auto_silent, auto_legacy, auto_legacy_silent.
    return tuple(name for word in words for name in (_AUTO if word.startswith("auto") else (word,)))


def _become(given: _Vars, host: Host) -> Become | None:
    if not given.truth("ansible_become"):
        return None
    method = str(given("ansible_become_method", default="sudo"))
    if method not in ("sudo", "ansible.builtin.sudo"):
        raise InputError("become-unsupported", host.place, host=host.name, method=method)
    return Become(
        user=str(given("ansible_become_user", "ansible_sudo_user", default="root")),
        program=str(given("ansible_become_exe", "ansible_sudo_exe", default="sudo")),
        password=given.secret("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
    )


def _notices(given: _Vars, host: Host) -> list[Notice]:
    found = []
    if given("ansible_host_key_checking", "ansible_ssh_host_key_checking") is not None and not given.truth(
        "ansible_host_key_checking", "ansible_ssh_host_key_checking"
    ):
        found.append(Notice("host-key-checking-stays", host.place, {"host": host.name}))
    if given("ansible_become_flags", "ansible_sudo_flags"):
        found.append(Notice("ssh-option-ignored", host.place, {"host": host.name, "option": "ansible_become_flags"}))
    return found
