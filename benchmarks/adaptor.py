"""Write the side-by-side benchmark's workload as a guiwei inventory and playbook.

    python3 adaptor.py RUNDIR

RUNDIR holds `hosts.json`, `group_vars/all.json` and `templates/`; the harness's README describes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml


def write(rundir: Path) -> None:
    """Write `guiwei-inventory.yml` and `guiwei-playbook.yml` into the run's folder."""
    hosts = json.loads((rundir / "hosts.json").read_text())
    common = json.loads((rundir / "group_vars/all.json").read_text())
    _dump(rundir / "guiwei-inventory.yml", {"all": {"hosts": {host["name"]: _host(host) for host in hosts}}})
    play = {
        "name": "Branch invoicing PC",
        "hosts": "all",
        "vars": {name: common[name] for name in ("directories", "files", "ini_path", "ini", "db_path", "rows")},
        "tasks": [
            {
                "name": "Directories",
                "directory": {"path": "/{{ item.path }}", "mode": "{{ item.mode }}"},
                "loop": "{{ directories }}",
            },
            {
                "name": "Forms from templates",
                "file": {"path": "/{{ item.dest }}", "template": "{{ item.src }}", "mode": "{{ item.mode }}"},
                "loop": "{{ files }}",
            },
            {
                "name": "INI parameters",
                "ini": {
                    "path": "/{{ ini_path }}",
                    "section": "{{ item.section }}",
                    "option": "{{ item.option }}",
                    "value": "{{ item.value }}",
                },
                "loop": "{{ ini }}",
            },
            {
                "name": "Settings rows",
                "sqlite": {
                    "path": "/{{ db_path }}",
                    "table": "settings",
                    "key": {"key": "{{ item.key }}"},
                    "row": {"value": "{{ item.value }}"},
                },
                "loop": "{{ rows }}",
            },
        ],
    }
    _dump(rundir / "guiwei-playbook.yml", [play])


def _host(host: dict) -> dict:
    return {
        "ansible_host": host["address"],
        "ansible_port": host["port"],
        "ansible_user": host["user"],
        "ansible_ssh_private_key_file": host["key"],
        "ansible_python_interpreter": "python3",
        "guiwei_root": host["root"],
        "guiwei_state_dir": str(Path(host["root"]).parent / "home" / ".guiwei"),
        **host["vars"],
    }


def _dump(path: Path, value: object) -> None:
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
