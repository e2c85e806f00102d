"""Ansible's connection variables."""

from __future__ import annotations

import getpass
from typing import Any

import pytest

from guiwei.errors import InputError
from guiwei.model.inventory import Host
from guiwei.target.secret import Secret
from guiwei.transport.variables import Login, read_login


def login(**given: Any) -> Login:
    return read_login(Host("pc-1", given))


def code(**given: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(InputError) as caught:
        login(**given)
    return caught.value.code, caught.value.arguments


def test_defaults_are_those_of_ansible() -> None:
    found = login()
    assert (found.address, found.port, found.user) == ("pc-1", 22, getpass.getuser())
    assert (found.local, found.become, found.python) == (False, None, ("python3",))
    assert (found.root, found.state_dir) == ("/", "")


@pytest.mark.parametrize(
    ("names", "value", "attribute", "wanted"),
    [
        (("ansible_host", "ansible_ssh_host"), "10.1.1.1", "address", "10.1.1.1"),
        (("ansible_port", "ansible_ssh_port"), "2222", "port", 2222),
        (("ansible_user", "ansible_ssh_user"), "clerk", "user", "clerk"),
        (("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"), "pw", "password", Secret("pw")),
        (("ansible_password",), Secret("pw"), "password", Secret("pw")),
        (("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"), "p", "passphrase", Secret("p")),
        (("ansible_ssh_timeout", "ansible_timeout"), "7", "connect_timeout", 7),
    ],
)
def test_aliases(names: tuple[str, ...], value: Any, attribute: str, wanted: Any) -> None:
    for name in names:
        assert getattr(login(**{name: value}), attribute) == wanted


def test_the_first_name_wins() -> None:
    assert login(ansible_host="a", ansible_ssh_host="b").address == "a"


def test_become() -> None:
    assert login(ansible_become="no", ansible_become_password="x").become is None
    for word in (True, "yes", "True", "on", 1):
        found = login(ansible_become=word, ansible_become_user="app", ansible_become_pass="pw").become
        assert found is not None
        assert (found.user, found.program, found.password) == ("app", "sudo", Secret("pw"))
    assert code(ansible_become=True, ansible_become_method="su") == (
        "become-unsupported",
        {"host": "pc-1", "method": "su"},
    )
    # The method matters only where it is used.
    assert login(ansible_become_method="su").become is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("/opt/py/bin/python3", ("/opt/py/bin/python3",)),
        (["/a", "/b"], ("/a", "/b")),
    ],
)
def test_python(given: Any, wanted: tuple[str, ...]) -> None:
    assert login(ansible_python_interpreter=given).python == wanted


def test_auto_tries_several_pythons() -> None:
    for word in ("auto", "auto_silent", "auto_legacy"):
        found = login(ansible_python_interpreter=word).python
        assert found[0] == "python3"
        assert "python3.7" in found
    assert login(ansible_python_interpreter=["/opt/p", "auto"]).python[:2] == ("/opt/p", "python3")


def test_what_cannot_be_done_is_an_error_that_names_the_way() -> None:
    assert code(ansible_connection="winrm")[0] == "connection-unsupported"
    assert code(ansible_port="many") == (
        "connection-variable",
        {"host": "pc-1", "variable": "ansible_port", "wanted": "number"},
    )
    assert code(ansible_become="perhaps")[0] == "connection-variable"
    for arguments, option, instead in (
        ("-o 'ProxyCommand nc -X connect -x proxy:3128 %h %p'", "ProxyCommand", "ProxyJump=user@host:port"),
        ("-o 'ProxyCommand ssh bastion nc %h %p'", "ProxyCommand", "ProxyJump=user@host:port"),
        ("-o 'ProxyCommand ssh -W elsewhere:22 bastion'", "ProxyCommand", "ProxyJump=user@host:port"),
        ("-o 'ProxyCommand ssh -F mine -W %h:%p bastion'", "F", "-"),
        ("-p 2222", "p", "ansible_port"),
        ("-oPort=2222", "Port", "ansible_port"),
        ("-C -o IdentityFile=~/.ssh/x", "IdentityFile", "ansible_ssh_private_key_file"),
    ):
        for variable in ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"):
            found, given = code(**{variable: arguments})
            assert found == "ssh-option-unsupported"
            assert given["option"] == option
            assert instead in given["instead"]


def test_what_is_done_otherwise_is_a_notice() -> None:
    found = login(
        ansible_ssh_common_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -C",
        ansible_ssh_args="-o ControlMaster=auto -o ControlPersist=60s -q",
        ansible_host_key_checking=False,
        ansible_become_flags="-E",
    )
    said = [(notice.code, notice.arguments.get("option")) for notice in found.notices]
    assert said.count(("host-key-checking-stays", None)) == 3
    assert ("ssh-option-ignored", "ControlMaster") in said
    assert ("ssh-option-ignored", "ansible_become_flags") in said
    assert login(ansible_host_key_checking=True).notices == ()


def test_local_needs_none_of_it() -> None:
    found = login(ansible_connection="local", ansible_ssh_common_args="-J bastion", ansible_private_key="x")
    assert found.local
    assert found.notices == ()
    assert found.python[0].startswith("/")


def test_secrets_are_gathered_for_masking() -> None:
    found = login(ansible_password="a", ansible_become=True, ansible_become_password="b")
    assert set(found.secrets) == {Secret("a"), Secret("b")}
    assert "'a'" not in repr(found)
