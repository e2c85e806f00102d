"""Jump hosts as inventories name them."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from guiwei.cli._reach import reachable
from guiwei.errors import InputError
from guiwei.model.inventory import Host
from guiwei.target.secret import Secret
from guiwei.transport.trust import host_key_name
from guiwei.transport.variables import Login, read_login

ME = getpass.getuser()


def way(login: Login) -> list[tuple[str, int, str]]:
    """Return the hops in the order in which they are gone through."""
    found = []
    hop = login.jump
    while hop is not None:
        found.append((hop.address, hop.port, hop.user))
        hop = hop.jump
    return found[::-1]


def login(arguments: str, variable: str = "ansible_ssh_common_args", **more: Any) -> Login:
    return read_login(Host("pc-1", {variable: arguments, **more}))


@pytest.mark.parametrize(
    ("arguments", "hops"),
    [
        ("-o ProxyJump=bastion", [("bastion", 22, ME)]),
        ("-oProxyJump=bastion", [("bastion", 22, ME)]),
        ("-o 'ProxyJump bastion'", [("bastion", 22, ME)]),
        ("-J bastion", [("bastion", 22, ME)]),
        ("-Jops@bastion:2222", [("bastion", 2222, "ops")]),
        ("-o ProxyJump=ops@outer:2200,inner", [("outer", 2200, "ops"), ("inner", 22, ME)]),
        ("-J ssh://ops@bastion:2222/", [("bastion", 2222, "ops")]),
        ("-J 'ops@[fd00::7]:2222, [fd00::8]'", [("fd00::7", 2222, "ops"), ("fd00::8", 22, ME)]),
        ("-J fd00::7", [("fd00::7", 22, ME)]),
        ("-J a@b@bastion", [("bastion", 22, "a@b")]),
        ("-J none", []),
        ("-C -q -o ControlPersist=60s", []),
        ("-o ProxyCommand=\"ssh -W %h:%p -q ops@bastion\"", [("bastion", 22, "ops")]),
        ("-o ProxyCommand='ssh -p 2222 -l ops -W [%h]:%p bastion'", [("bastion", 2222, "ops")]),
        ("-o ProxyCommand='/usr/bin/ssh bastion -W %h:%p -o Port=2222'", [("bastion", 2222, ME)]),
        ("-o ProxyCommand='ssh -J outer -W %h:%p inner'", [("outer", 22, ME), ("inner", 22, ME)]),
        ("-o ProxyCommand=none -J bastion", []),
        # The first counts, as for ssh itself.
        ("-J one -o ProxyJump=two -o 'ProxyCommand ssh -W %h:%p three'", [("one", 22, ME)]),
    ],
)  # fmt: skip
def test_ssh_arguments(arguments: str, hops: list[tuple[str, int, str]]) -> None:
    for variable in ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"):
        assert way(login(arguments, variable)) == hops


def test_a_proxy_command_may_name_a_key_and_says_what_it_does_otherwise() -> None:
    found = login("-o ProxyCommand='ssh -i /keys/jump -o StrictHostKeyChecking=no -W %h:%p bastion'")
    assert found.jump is not None
    assert found.jump.key_file == Path("/keys/jump")
    assert [notice.code for notice in found.notices] == ["host-key-checking-stays"]
    # The PC's own key, password and account are its own.
    found = login("-J bastion", ansible_user="root", ansible_password=Secret("pw"), ansible_private_key_file="/keys/pc")
    assert found.jump == Login("bastion", False, "bastion", 22, ME)


@pytest.mark.parametrize(
    "arguments",
    ["-J ''", "-J bastion:port", "-J bastion:0", "-J bastion:99999", "-J ops@", "-J 'a b'", "-J %r@bastion", "-J a,,b",
     "-J 'open", "-J bastion:²"],
)  # fmt: skip
def test_what_names_no_host_is_an_error(arguments: str) -> None:
    with pytest.raises(InputError) as caught:
        login(arguments)
    assert caught.value.code == "jump-unreadable"


HOSTS = {
    "outer": Host("outer", {"ansible_host": "203.0.113.9", "ansible_port": 2200, "ansible_password": Secret("o")}),
    "inner": Host("inner", {"ansible_host": "10.0.0.2", "ansible_user": "{{ who }}", "who": "ops",
                            "guiwei_jump": "outer"}),
    "pc1": Host("pc1", {"ansible_host": "192.168.1.10", "guiwei_jump": "{{ site }}", "site": "inner"}),
    "a": Host("a", {"guiwei_jump": "b"}),
    "b": Host("b", {"guiwei_jump": "c"}),
    "c": Host("c", {"guiwei_jump": "a"}),
    "both": Host("both", {"guiwei_jump": "outer", "ansible_ssh_common_args": "-J x"}),
    "here": Host("here", {"guiwei_jump": "nobody", "ansible_connection": "local"}),
}  # fmt: skip


def settled(name: str, **more: Any) -> Login:
    hosts = {**HOSTS, name: Host(name, {**HOSTS[name].vars, **more})}
    return read_login(reachable(hosts[name], {}, hosts))


def test_a_jump_host_of_the_inventory_has_its_own_variables() -> None:
    found = settled("pc1")
    assert way(found) == [("203.0.113.9", 2200, ME), ("10.0.0.2", 22, "ops")]
    assert found.jump is not None
    assert found.jump.jump is not None
    assert found.jump.jump.password == Secret("o")
    assert (found.jump.name, found.jump.jump.name) == ("inner", "outer")


def test_a_variable_of_all_hosts_leaves_the_jump_host_itself_out() -> None:
    assert settled("outer", guiwei_jump="outer").jump is None
    assert settled("here").local


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("a", {}, "jump-circle"),
        ("pc1", {"guiwei_jump": "outre"}, "jump-unknown"),
        ("both", {}, "jump-twice"),
    ],
)
def test_a_wrong_way_is_an_error_before_anything_is_connected_to(name: str, more: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        settled(name, **more)
    assert caught.value.code == code
    if code == "jump-unknown":
        assert caught.value.arguments["near"].split(", ")[0] == "outer"


def test_a_key_is_known_behind_its_jump_host() -> None:
    """Two branches may both have a 192.168.1.10."""
    assert host_key_name(settled("pc1")) == "192.168.1.10%10.0.0.2%[203.0.113.9]:2200"
    assert host_key_name(settled("pc1", ansible_port=2222)) == "[192.168.1.10]:2222%10.0.0.2%[203.0.113.9]:2200"
