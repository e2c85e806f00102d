"""Run Ansible's own command line tools many times in one process: each command in a fork, after one slow import.

As a program: reads `[[tool, argument, ...], ...]` as JSON and writes `[[exit code, stdout, stderr], ...]`, where a
tool is `inventory`, `adhoc` or `vault`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


def available() -> bool:
    """Tell whether ansible-core is installed here."""
    return importlib.util.find_spec("ansible") is not None


def run(commands: Sequence[Sequence[str]]) -> list[tuple[int, str, str]]:
    """Run commands of real ansible-core in this Python; return exit code, output and errors of each."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    with tempfile.TemporaryDirectory() as home:
        environment |= {"HOME": home, "ANSIBLE_HOME": home, "ANSIBLE_LOCAL_TEMP": home}
        done = subprocess.run(
            [sys.executable, __file__],
            input=json.dumps(commands),
            capture_output=True,
            encoding="utf-8",
            cwd=home,
            env=environment,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def _main() -> None:
    from ansible.cli.adhoc import AdHocCLI
    from ansible.cli.inventory import InventoryCLI
    from ansible.cli.vault import VaultCLI
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.manager import VariableManager

    # Loads the plugins once, before the forks.
    loader = DataLoader()
    hosts = InventoryManager(loader, sources=[os.devnull, "a,"])
    VariableManager(loader, hosts).get_vars(host=hosts.get_hosts()[0], include_hostvars=False)

    tools = {"inventory": InventoryCLI, "adhoc": AdHocCLI, "vault": VaultCLI}
    results = []
    for tool, *arguments in json.load(sys.stdin):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    os.dup2(out.fileno(), 1)
                    os.dup2(err.fileno(), 2)
                    with contextlib.suppress(SystemExit):
                        sys.argv = [f"ansible-{tool}", *arguments]
                        try:
                            tools[tool].cli_executor(sys.argv)
                        except SystemExit as leaving:
                            code = int(leaving.code or 0)
                    sys.stdout.flush()
                    sys.stderr.flush()
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
            results.append([os.waitstatus_to_exitcode(status), *texts])
    Path("/dev/stdout").write_text(json.dumps(results))


if __name__ == "__main__":
    _main()
