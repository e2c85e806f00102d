"""`group_vars` and `host_vars`, and the order in which variables override each other.

Ansible's order, the weakest first: variables of `all` in inventory files, of the other groups in inventory files,
`group_vars/all` beside the inventories, beside the playbook, `group_vars/*` beside the inventories, beside the
playbook, host variables in inventory files, `host_vars` beside the inventories, beside the playbook, extra vars.
Groups override each other by depth, `ansible_group_priority` and name; folders, by the order of the inventories.
https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_variables.html#understanding-variable-precedence
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._inventory_build import BuildGroup, BuildHost
from guiwei.language.vault import Keyring, load_source
from guiwei.model.inventory import Notice

__all__ = ["VarsFiles", "is_vars_file", "merge", "read_vars_file"]

_SUFFIXES = ("", ".yml", ".yaml", ".json")


class VarsFiles:
    """The vars files of the folders beside inventories and playbook; each file is read once.

    Args:
        inventories: one folder for each inventory source, in order.
        playbook: the playbook's folder, if there is one.
        keyring: the vault passwords at hand.

    Attributes:
        notices: what Ansible would read otherwise in the files read so far.
    """

    def __init__(self, inventories: Sequence[Path], playbook: Path | None, keyring: Keyring | None) -> None:
        self.inventories = tuple(inventories)
        self.playbook = (playbook,) if playbook is not None else ()
        self.notices: list[Notice] = []
        self._keyring = keyring
        self._names: dict[Path, frozenset[str]] = {}
        self._vars: dict[tuple[Path, str], dict[str, Any]] = {}

    def group(self, folders: Sequence[Path], *groups: str) -> dict[str, Any]:
        """Return the variables of groups, given weakest first; a later folder overrides all of an earlier one."""
        result: dict[str, Any] = {}
        for folder in folders:
            for name in groups:
                result |= self._of(folder / "group_vars", name)
        return result

    def host(self, folders: Sequence[Path], name: str) -> dict[str, Any]:
        """Return the variables of a host; a later folder overrides an earlier one."""
        result: dict[str, Any] = {}
        for folder in folders:
            result |= self._of(folder / "host_vars", name)
        return result

    def _of(self, folder: Path, name: str) -> dict[str, Any]:
        known = self._vars.get((folder, name))
        if known is None:
            known = self._vars[folder, name] = {}
            for file in self._files(folder, name):
                known |= self._read(file)
        return known

    def _files(self, folder: Path, name: str) -> list[Path]:
        """Return a name's files: the first of `name`, `name.yml`, `name.yaml`, `name.json`, which may be folders."""
        if folder not in self._names:
            is_folder = folder.is_dir()
            self._names[folder] = frozenset(path.name for path in folder.iterdir()) if is_folder else frozenset()
        present = self._names[folder]
        if not present or name.startswith("/"):
            return []
        # A name with a slash in it is not in the listing, but may still lead to a file.
        found = [
            name + suffix
            for suffix in _SUFFIXES
            if name + suffix in present or ("/" in name and (folder / (name + suffix)).exists())
        ]
        for shadowed in found[1:]:
            place = Place(str(folder / shadowed), 1, 1)
            self.notices.append(Notice("vars-file-shadowed", place, {"by": str(folder / found[0])}))
        if not found:
            return []
        first = folder / found[0]
        return _inside(first) if first.is_dir() else [first]

    def _read(self, file: Path) -> dict[str, Any]:
        data, notices = read_vars_file(file, self._keyring)
        self.notices.extend(notices)
        return data


def read_vars_file(file: Path, keyring: Keyring | None) -> tuple[dict[str, Any], Sequence[Notice]]:
    """Return what one file of variables holds, and what Ansible would read otherwise in it.

    Raises:
        InputError: it cannot be read or decrypted, or is no mapping (`vars-file-not-mapping`).
    """
    source, data = load_source(file, keyring)
    if not data:
        return {}, source.differences
    if not isinstance(data, dict):
        raise InputError("vars-file-not-mapping", source.place(()))
    return data, source.differences


def is_vars_file(file: Path) -> bool:
    """Tell whether a file lies where variables are looked for: in `group_vars` or `host_vars`, or one folder below."""
    return bool({"group_vars", "host_vars"} & {folder.name for folder in file.absolute().parents[:2]})


def merge(
    host: BuildHost,
    groups: Sequence[BuildGroup],
    everyone: BuildGroup,
    files: VarsFiles,
    cache: dict[tuple[str, ...], dict[str, Any]],
) -> dict[str, Any]:
    """Return a host's variables without extra vars.

    Args:
        host: the host.
        groups: its groups without `all`, weakest first.
        everyone: the group `all`.
        files: the vars files.
        cache: what the same groups gave for another host.
    """
    names = tuple(group.name for group in groups)
    shared = cache.get(names)
    if shared is None:
        shared = dict(everyone.vars)
        for group in groups:
            shared |= group.vars
        shared |= files.group(files.inventories, "all")
        shared |= files.group(files.playbook, "all")
        shared |= files.group(files.inventories, *names)
        shared |= files.group(files.playbook, *names)
        cache[names] = shared
    own = files.host(files.inventories, host.name)
    return shared | host.vars | own | files.host(files.playbook, host.name)


def _inside(folder: Path) -> list[Path]:
    """Return the vars files of a folder in Ansible's order: sorted by name, subfolders in their place."""
    found: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if not path.suffix:
                found += _inside(path)
        elif path.suffix in _SUFFIXES:
            found.append(path)
    return found
