"""Words of Ansible that a playbook of guiwei does not have, each with the error that names the alternative.

The word lists follow Ansible's playbook keywords:
https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "LATER",
    "MODULES",
    "PLAY_WORDS",
    "STATE_WORDS",
    "TASK_WORDS",
    "alternative",
    "closest",
    "module_alternative",
]

#: Keywords by the code of the error that says what to do instead.
_ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "instead-when-observed": ("register", "until", "retries", "delay", "changed_when", "failed_when"),
    "instead-flat-tasks": ("block", "rescue", "always"),
    "instead-plays": (
        "roles", "role", "include", "include_tasks", "include_role", "import_tasks", "import_role",
        "import_playbook", "dependencies",
    ),
    "instead-vars-files": ("include_vars", "vars_prompt"),
    "instead-become-variable": ("become", "become_user", "become_method", "become_flags", "become_exe", "sudo"),
    "instead-facts": ("gather_facts", "gather_subset", "gather_timeout", "fact_path"),
    "instead-host-pattern": ("delegate_to", "delegate_facts", "local_action", "run_once", "connection"),
    "instead-stop": (
        "ignore_errors", "ignore_unreachable", "any_errors_fatal", "max_fail_percentage", "force_handlers",
    ),
    "instead-rollout": ("serial", "strategy", "order", "throttle", "async", "poll"),
    "instead-command-environment": ("environment",),
    "instead-connection-variable": ("remote_user", "port"),
    "instead-notify": ("listen",),
    "instead-secret": ("no_log",),
    "instead-tasks": ("pre_tasks", "post_tasks"),
    "instead-check": ("check_mode", "diff"),
    "instead-policies": ("effective_from", "effective_until", "policy"),
    "instead-arguments": ("args", "action", "module_defaults", "collections", "debugger", "timeout"),
}  # fmt: skip
_BY_WORD = {word: code for code, words in _ALTERNATIVES.items() for word in words}

#: Words of the domain that have their meaning reserved.
LATER = ("migrate", "recover", "rollout")

PLAY_WORDS = (
    "name", "hosts", "product", "reason", "vars", "vars_files", "tags", "tasks", "handlers", "state", "verify",
    "policies", "policy_files", "busy", "calendar",
)  # fmt: skip
TASK_WORDS = ("name", "when", "loop", "loop_control", "tags", "notify", "vars")
STATE_WORDS = (
    "software",
    "parameters",
    "disk",
    "drivers",
    "authentication",
    "data",
    "endpoints",
    "maintenance",
)

#: Ansible's modules and what does their work here; "" where a keyword does it, see `module_alternative`.
MODULES: dict[str, str] = {
    "acl": "file", "apt": "package", "apt_key": "file", "apt_repository": "file", "apk": "package",
    "archive": "backup", "assemble": "file", "blockinfile": "file", "copy": "file", "dnf": "package",
    "expect": "command", "fetch": "file", "find": "directory", "get_url": "file", "group": "command",
    "hostname": "file", "ini_file": "ini", "iptables": "command", "lineinfile": "line", "msi": "package",
    "mount": "command", "pacman": "package", "pip": "package", "raw": "command", "replace": "ini",
    "reboot": "command", "rpm": "package", "script": "command", "service_facts": "service", "shell": "command",
    "stat": "file", "synchronize": "directory", "sysctl": "ini", "systemd": "service", "systemd_service": "service",
    "sysvinit": "service", "template": "file", "timezone": "file", "unarchive": "package", "uri": "http",
    "user": "command", "wait_for": "tcp", "win_command": "command", "win_copy": "file", "win_file": "file",
    "win_get_url": "file", "win_ini_file": "ini", "win_lineinfile": "line", "win_package": "package",
    "win_powershell": "command", "win_regedit": "registry", "win_reg_stat": "registry", "win_service": "service",
    "win_shell": "command", "win_stat": "file", "win_template": "file", "win_unzip": "package", "win_uri": "http",
    "win_wait_for": "tcp", "yum": "package", "zypper": "package", "cron": "file",
    "sqlite3": "sqlite", "xml": "file", "tempfile": "file", "wait_for_connection": "tcp",
}  # fmt: skip
_MODULE_CODES = {
    "assert": "instead-probe",
    "fail": "instead-probe",
    "debug": "instead-explain",
    "set_fact": "instead-vars",
    "setup": "instead-facts",
    "gather_facts": "instead-facts",
    "win_setup": "instead-facts",
    "meta": "instead-notify",
    "pause": "instead-person",
    "add_host": "instead-inventory",
    "group_by": "instead-inventory",
    "include_vars": "instead-vars-files",
}


def alternative(word: str) -> str | None:
    """Return the code of the error for one of Ansible's keywords, None if the word is none."""
    if word.startswith("with_"):
        return "instead-loop"
    return _BY_WORD.get(word)


def module_alternative(name: str, known: tuple[str, ...]) -> tuple[str, dict[str, str]] | None:
    """Return code and arguments of the error for one of Ansible's modules, None if the name is none.

    Args:
        name: as written, maybe with its collection.
        known: guiwei's own resource types.
    """
    short = name.rsplit(".", 1)[-1]
    if "." in name and short in known:
        return "module-qualified", {"module": name, "instead": short}
    if short in _MODULE_CODES:
        return _MODULE_CODES[short], {"word": name}
    instead = MODULES.get(short)
    if instead is None:
        return ("module-of-ansible", {"module": name, "known": ", ".join(known)}) if "." in name else None
    if instead not in known:
        return "module-of-ansible", {"module": name, "known": ", ".join(known)}
    return "module-instead", {"module": name, "instead": instead}


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known words that are close to a wrong one, all of them if none is."""
    words = list(known)
    return ", ".join(difflib.get_close_matches(word, words, 3, 0.5) or words)
