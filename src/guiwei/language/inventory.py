"""Load inventories in Ansible's formats, and show them as `ansible-inventory` does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._inventory_build import Builder, unchanged
from guiwei.language._inventory_ini import read_ini
from guiwei.language._inventory_yaml import read_yaml
from guiwei.language._ranges import split_port
from guiwei.language._text import decode, read_bytes
from guiwei.language.patterns import descend
from guiwei.language.precedence import VarsFiles, merge
from guiwei.language.source import Unsafe, Vaulted, loads
from guiwei.language.vault import Keyring, VaultSecret, decrypt, decrypt_all, is_vault, seal
from guiwei.model.inventory import Group, Host, Inventory
from guiwei.target.secret import MASK, Secret

__all__ = ["load_inventory", "to_graph", "to_host", "to_list"]

_YAML_SUFFIXES = (".yml", ".yaml", ".json")
#: What Ansible leaves out of an inventory folder.
_IGNORED_NAMES = ("group_vars", "host_vars", "vars_plugins")
_IGNORED_ENDS = (
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
)  # fmt: skip
_LOOKS_LIKE_YAML = re.compile(r"---|\{|[^\s=#\[][^\s=]*:(?:\s|\Z)")


def load_inventory(
    paths: Sequence[Path],
    keyring: Keyring | None = None,
    playbook_dir: Path | None = None,
    extra_vars: Mapping[str, Any] | None = None,
) -> Inventory:
    """Read inventory sources and everything beside them into one inventory.

    Args:
        paths: files (YAML, JSON, INI), folders of such files, or a list of host names with a comma in it; merged
            in order, later ones override.
        keyring: vault passwords. Without any, encrypted values stay `Vaulted`; with some, only values whose id
            is unknown do.
        playbook_dir: where else `group_vars` and `host_vars` may be.
        extra_vars: override everything.

    Raises:
        InputError: an `inventory-…`, `yaml-…`, `vault-…` or `vars-file-…` code with the place. Unlike Ansible,
            which warns and goes on without the rest, no part of a wrong inventory is used.
    """
    builder = Builder()
    folders = []
    for path in paths:
        if "," in str(path) and not path.exists():
            _read_names(str(path), builder)
            continue
        if not _read(path, builder, keyring):
            raise InputError("inventory-empty", Place(str(path), 1, 1))
        folders.append(path if path.is_dir() else path.parent)
    builder.finish()

    files = VarsFiles(folders, playbook_dir, keyring)
    extra = dict(extra_vars or {})
    everyone = builder.groups["all"]
    shared: dict[tuple[str, ...], dict[str, Any]] = {}
    hosts = {}
    for name, host in builder.hosts.items():
        groups = builder.groups_of(host)
        variables = merge(host, groups, everyone, files, shared) | extra
        hosts[name] = Host(name, variables, tuple(group.name for group in groups), host.place)
    groups_by_name = {
        name: Group(
            name,
            tuple(group.hosts),
            tuple(group.children),
            group.vars | files.group((*files.inventories, *files.playbook), name),
            group.priority,
        )
        for name, group in builder.groups.items()
    }
    return Inventory(hosts, groups_by_name, (*builder.notices, *files.notices))


def to_list(inventory: Inventory, only: Collection[str] | None = None) -> dict[str, Any]:
    """Return the JSON of `ansible-inventory --list`.

    Args:
        inventory: what to show.
        only: names of the hosts that a limit leaves; None for all.
    """
    result: dict[str, Any] = {}
    for name in _groups_below(inventory, "all"):
        group = inventory.groups[name]
        shown: dict[str, Any] = {}
        if name != "all":
            shown["hosts"] = [host for host in group.hosts if only is None or host in only]
        shown["children"] = list(group.children)
        shown = {key: value for key, value in shown.items() if value}
        if shown:
            result[name] = shown
    hosts = [host for host in descend(inventory, "all") if only is None or host in only]
    variables = {host: _export(dict(inventory.hosts[host].vars)) for host in hosts}
    result["_meta"] = {
        "hostvars": {host: value for host, value in variables.items() if value},
        "profile": "inventory_legacy",
    }
    return result


def to_host(inventory: Inventory, name: str) -> dict[str, Any]:
    """Return the JSON of `ansible-inventory --host NAME`.

    Raises:
        InputError: `inventory-unknown-host`, with the closest names.
    """
    host = inventory.hosts.get(name)
    if host is None:
        near = difflib.get_close_matches(name, inventory.hosts, 3, 0.5) or list(inventory.hosts)[:5]
        raise InputError("inventory-unknown-host", host=name, near=", ".join(near))
    result: dict[str, Any] = _export(dict(host.vars), mark_unsafe=False)
    return result


def to_graph(inventory: Inventory, group: str = "all") -> str:
    """Return the tree of `ansible-inventory --graph [GROUP]`.

    Raises:
        InputError: `inventory-unknown-group`, with the closest names.
    """
    if group not in inventory.groups:
        near = difflib.get_close_matches(group, inventory.groups, 3, 0.5) or list(inventory.groups)[:5]
        raise InputError("inventory-unknown-group", group=group, near=", ".join(near))
    return "\n".join(_tree(inventory, group, 0))


def _tree(inventory: Inventory, name: str, depth: int) -> list[str]:
    group = inventory.groups[name]
    lines = [f"{'  |' * depth}{'--' if depth else ''}@{name}:"]
    for child in group.children:
        lines += _tree(inventory, child, depth + 1)
    if name != "all":
        lines += [f"{'  |' * (depth + 1)}--{host}" for host in group.hosts]
    return lines


def _groups_below(inventory: Inventory, name: str) -> list[str]:
    names = [name]
    for each in names:  # grows while it is walked
        names += [child for child in inventory.groups[each].children if child not in names]
    return names


def _export(value: Any, *, mark_unsafe: bool = True) -> Any:
    """Return a value as JSON; what is encrypted, as the text that was, as Ansible does.

    Args:
        value: a variable's value.
        mark_unsafe: mark texts that are no templates: `--list` does, `--host` does not.
    """
    if isinstance(value, dict):
        return {key: _export(item, mark_unsafe=mark_unsafe) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_export(item, mark_unsafe=mark_unsafe) for item in value]
    if isinstance(value, Vaulted):
        return {"__ansible_vault": value.text}
    if isinstance(value, VaultSecret):
        return {"__ansible_vault": value.ciphertext}
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Unsafe):
        return {"__ansible_unsafe": str(value)} if mark_unsafe else str(value)
    return value


def _read(path: Path, builder: Builder, keyring: Keyring | None) -> bool:
    """Add a file or a folder of files; tell whether there was a file."""
    if path.is_dir():
        found = False
        for inside in sorted(path.iterdir(), key=lambda each: each.name):
            name = inside.name
            if not name.startswith(".") and name not in _IGNORED_NAMES and not name.endswith(_IGNORED_ENDS):
                found = _read(inside, builder, keyring) or found
        return found
    data = read_bytes(path)
    file = str(path)
    place = Place(file, 1, 1)
    if data.startswith(b"#!"):
        raise InputError("inventory-script", place)
    if path.suffix == ".toml":
        raise InputError("inventory-toml", place)
    encrypted = is_vault(data)
    text = decode(decrypt(decode(data, file), keyring, place) if encrypted else data, file)
    builder.convert = seal if encrypted else unchanged
    if path.suffix in _YAML_SUFFIXES or (not path.suffix and _starts_like_yaml(text)):
        source = loads(text, file)
        if keyring:
            source.data = decrypt_all(source.data, keyring, keep_unknown=True)
        read_yaml(source, builder)
        builder.notices.extend(source.differences)
    else:
        read_ini(text, file, builder)
    return True


def _starts_like_yaml(text: str) -> bool:
    """Tell YAML from INI in a file without a suffix, by its first line that says something."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            return bool(_LOOKS_LIKE_YAML.match(stripped))
    return False


def _read_names(text: str, builder: Builder) -> None:
    """Add a list of host names given on the command line: `pc1,pc2:2222,`."""
    for number, part in enumerate(text.split(",")):
        name = part.strip()
        if name:
            host, port = split_port(name) or (name, None)
            builder.add_host(host, "ungrouped", port, Place(text, 1, number + 1))
