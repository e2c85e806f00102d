"""`guiwei lab`: three branch PCs of one's own to try things on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from guiwei.cli._options import common_options
from guiwei.cli._output import Output
from guiwei.errors import InputError

__all__ = ["command"]

#: Where `inventories/lab` says that the lab is.
_FOLDER = Path("/var/tmp/guiwei-lab")
_PORTS = "24021,24022,24023"
_FOLDER_OPTION = click.option(
    "--folder", type=click.Path(path_type=Path), default=_FOLDER, show_default=True, help="Where it lies. 所在目录。"
)


@click.group("lab")
def command() -> None:
    """Serve three branch PCs on this machine, for inventories/lab. 在本机提供三台模拟网点 PC。"""


@command.command("up")
@click.option("--fresh", is_flag=True, help="Make the PCs anew. 重新生成。")
@click.option("--ports", default=_PORTS, show_default=True, help="SSH ports. SSH 端口。")
@_FOLDER_OPTION
@common_options
def up(fresh: bool, ports: str, folder: Path, output: Output) -> int:
    """Build the PCs if they are not there and serve them in the background. 启动。"""
    from guiwei.lab.serve import serving
    from guiwei.transport.settings import default_known_hosts

    if serving(folder) is None:
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "serve.log"
        words = [sys.executable, "-m", "guiwei.lab.serve", str(folder), "--ports", ports]
        with log.open("ab") as file:
            process = subprocess.Popen(
                words + (["--fresh"] if fresh else []),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        _await(folder, process, log)
    elif fresh:
        raise InputError("lab-is-up", folder=str(folder))
    trust_fleet(folder, default_known_hosts())
    output.say("lab-up", folder=str(folder))
    output.document({"folder": str(folder), "pid": serving(folder)})
    return 0


def _await(folder: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    from guiwei.lab.serve import serving

    while serving(folder) is None:
        if process.poll() is not None:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            raise InputError("lab-failed", file=str(log), detail=lines[-1] if lines else "")
        time.sleep(0.1)


def trust_fleet(folder: Path, known_hosts: Path) -> None:
    """Trust the host keys of a lab: they were made here a moment ago, so there is nothing to compare them with."""
    from paramiko.hostkeys import HostKeyEntry

    from guiwei.lab.fleet import Fleet
    from guiwei.model.inventory import Host
    from guiwei.transport.trust import ScannedKey, fingerprint, record

    for line in Fleet(folder).known_hosts().splitlines():
        entry = HostKeyEntry.from_line(line)
        assert entry is not None
        address, _, port = line.split()[0].lstrip("[").partition("]:")
        host = Host(line.split()[0], {"ansible_host": address, "ansible_port": int(port)})
        record(host, [ScannedKey(entry.key.get_name(), fingerprint(entry.key), entry.key)], known_hosts)


@command.command("down")
@_FOLDER_OPTION
@common_options
def down(folder: Path, output: Output) -> int:
    """Stop the PCs; they stay as they are for the next time. 停止。"""
    from guiwei.lab.serve import end

    was_up = end(folder)
    output.say("lab-down" if was_up else "lab-not-up", folder=str(folder))
    output.document({"folder": str(folder), "was_up": was_up})
    return 0


@command.command("status")
@_FOLDER_OPTION
@common_options
def status(folder: Path, output: Output) -> int:
    """Tell whether the PCs are served. 状态。"""
    from guiwei.lab.serve import serving

    pid = serving(folder)
    output.say("lab-up" if pid else "lab-not-up", folder=str(folder))
    output.document({"folder": str(folder), "pid": pid})
    return 0
