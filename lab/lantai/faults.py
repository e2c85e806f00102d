"""Break a branch's PC from outside, through its files, processes, ports and records, as life does.

Nothing here is known to the client, and nothing of the client's code is used: each function leaves what a real
mishap leaves.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import time

from . import disks
from .branch import free_port, install, program
from .uscc import usccs

__all__ = [
    "activation_lost",
    "database_damaged",
    "database_lost",
    "disk_locked",
    "disk_of_another",
    "disk_unreadable",
    "disk_unregistered",
    "does_not_start",
    "driver_outdated",
    "endpoint_unreachable",
    "folder_lost",
    "lock_date_passed",
    "more_than_one_disk",
    "pc_emptied",
    "pin_tries_spent",
    "port_taken",
    "process_killed",
    "process_stuck",
    "program_lost",
    "record_behind_database",
    "record_lost",
    "settings_lost",
    "stray_file",
    "unfinished_migration",
    "wrong_parameters",
]

_PLACES = {
    "taxpayer": ("单位", "税号"),
    "orgcode": ("单位", "地区编号"),
    "machine": ("单位", "开票机号"),
    "kinds": ("开票", "发票类型"),
    "limit": ("开票", "开票限额"),
    "port": ("服务", "端口"),
    "offline_hours": ("离线", "离线时长"),
    "offline_count": ("离线", "离线张数"),
    "offline_amount": ("离线", "离线金额"),
}


def does_not_start(root: str, instance: str) -> str:
    """Damage a program file that only the instance's start needs, as a bad sector does; return its path."""
    path = os.path.join(program(root, instance), "lib", "lantai", "server.py")
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(size // 2)
        file.write(bytes(range(200, 256)) * 4)
    return path


def wrong_parameters(root: str, instance: str, **values: str) -> None:
    """Set parameters wrong in the instance's settings file and leave all its other bytes.

    :param values: taxpayer, orgcode, machine, kinds, limit, port, offline_hours, offline_count, offline_amount.
    :raises KeyError: for another name.
    """
    path = os.path.join(_folder(root, instance), "Config", "兰台.ini")
    for name, value in values.items():
        section, key = _PLACES[name]
        _set_value(path, "gbk", section, key, value)


def disk_unregistered(root: str, instance: str) -> None:
    """Lose the client's registration of the disk."""
    os.unlink(os.path.join(_folder(root, instance), "Disk", "register.ini"))


def disk_of_another(root: str, seed: int = 77, pin: str = "00000000") -> str:
    """Swap the plugged disk for one that was issued to another taxpayer; return the other's number."""
    mine = disks.unplug(root)
    other = disks.make_disk(
        "{0:012d}".format((int(mine["number"]) + seed) % 10**12),
        usccs(seed, 1)[0],
        pin,
        orgcode=mine["orgcode"],
        machine=mine["machine"],
    )
    disks.plug(root, other)
    return str(other["number"])


def more_than_one_disk(root: str, seed: int = 78) -> str:
    """Plug a second disk in beside the one that is there; return its number."""
    number = "{0:012d}".format(seed)
    disks.plug(root, disks.make_disk(number, usccs(seed, 1)[0], "00000000"))
    return number


def driver_outdated(root: str, version: str = "1.0.0") -> None:
    """Put an old disk driver on the PC."""
    _set_value(os.path.join(root, "etc", "lantai", "driver.ini"), "utf-8", "driver", "version", version)


def database_damaged(root: str, instance: str) -> str:
    """Overwrite the second half of the database, as a power failure does: its head still reads; return its path."""
    path = os.path.join(_folder(root, instance), "Data", "lantai.db")
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(size // 2)
        file.write(b"\xa5" * (size - size // 2))
    return path


def database_lost(root: str, instance: str) -> str:
    """Delete the database, as somebody does who cleans up; return its path."""
    path = os.path.join(_folder(root, instance), "Data", "lantai.db")
    os.unlink(path)
    return path


def activation_lost(root: str, instance: str) -> None:
    """Leave the database as a crash between its migration and the activation does."""
    connection = sqlite3.connect(os.path.join(_folder(root, instance), "Data", "lantai.db"))
    try:
        connection.execute("UPDATE setting SET value = '1' WHERE key = 'needs_activation'")
        connection.commit()
    finally:
        connection.close()


def program_lost(root: str, instance: str) -> str:
    """Delete the instance's program tree, as a virus scanner or a clumsy hand does; return its path."""
    tree = program(root, instance)
    shutil.rmtree(tree)
    return tree


def folder_lost(root: str, instance: str) -> str:
    """Delete all that the instance has but its record; return the folder's path."""
    shutil.rmtree(_folder(root, instance))
    return _folder(root, instance)


def record_lost(root: str, instance: str) -> None:
    """Lose the instance's section of the PC's record, as an over-eager registry cleaner does."""
    path = os.path.join(root, "etc", "lantai", "record.ini")
    with open(path, "rb") as file:
        data = file.read()
    name = re.escape(instance.encode("utf-8"))
    with open(path, "wb") as file:
        file.write(re.sub(rb"(?ms)^\[" + name + rb"\].*?(?=^\[|\Z)", b"", data))


def stray_file(root: str, instance: str) -> str:
    """Drop a file among the program's that its start stumbles over and no check of its files sees; return its path."""
    path = os.path.join(program(root, instance), "lib", "threading.py")
    with open(path, "wb") as file:
        file.write(b"raise SystemExit('stray')\n")
    return path


def settings_lost(root: str, instance: str) -> str:
    """Leave an empty settings file, as a power failure in the middle of a save does; return its path."""
    path = os.path.join(_folder(root, instance), "Config", "兰台.ini")
    with open(path, "wb"):
        pass
    return path


def pc_emptied(root: str) -> None:
    """Leave a PC as it comes from the shop, but for the disk that is plugged in: no client, no record, no driver."""
    for path in (("etc", "lantai"), ("var", "lib", "兰台开票"), ("run", "lantai"), ("usr", "lib", "lantai-driver")):
        shutil.rmtree(os.path.join(root, *path), ignore_errors=True)


def disk_unreadable(root: str) -> str:
    """Leave half of what the plugged disk holds; return the path of its device file."""
    (name,) = os.listdir(os.path.join(root, "dev", "taxdisk"))
    path = os.path.join(root, "dev", "taxdisk", name)
    with open(path, "r+b") as file:
        file.truncate(os.fstat(file.fileno()).st_size // 2)
    return path


def pin_tries_spent(root: str, left: int) -> None:
    """Leave this many tries on the plugged disk, as somebody who guesses its PIN does."""
    contents = disks.unplug(root)
    disks.plug(root, dict(contents, pin_tries_left=left))


def disk_locked(root: str) -> None:
    """Spend every try of the plugged disk's PIN."""
    pin_tries_spent(root, 0)


def lock_date_passed(root: str, date: str) -> None:
    """Let the plugged disk's lock date be a day that has passed without filing."""
    contents = disks.unplug(root)
    periods = {kind: dict(period, locked=date) for kind, period in contents["periods"].items()}
    disks.plug(root, dict(contents, lock_date=date, periods=periods))


def port_taken(root: str, instance: str) -> socket.socket:
    """Let another program listen on the client's port, which does not run; close what is returned to end that."""
    path = os.path.join(_folder(root, instance), "Config", "兰台.ini")
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.bind(("127.0.0.1", int(_get_value(path, "gbk", "服务", "端口"))))
    taker.listen(16)
    return taker


def endpoint_unreachable(root: str, instance: str) -> str:
    """Point the upload address at a port where nobody listens; return the address."""
    address = "http://127.0.0.1:{0}/upload".format(free_port())
    with open(os.path.join(_folder(root, instance), "Config", "安全接入地址.txt"), "wb") as file:
        file.write(address.encode("gbk") + b"\r\n")
    return address


def process_stuck(root: str, instance: str) -> int:
    """Freeze the running client so that it holds everything and answers nothing; return its process id."""
    pid = _pid(root, instance)
    os.kill(pid, signal.SIGSTOP)
    _await_state(pid, "T")
    return pid


def process_killed(root: str, instance: str) -> int:
    """Kill the running client at once, as a crash does: its run files stay behind; return its process id."""
    pid = _pid(root, instance)
    os.kill(pid, signal.SIGKILL)
    _await_state(pid, "ZX")
    return pid


def unfinished_migration(root: str, instance: str, packages: str, version: str = "3.0.0") -> None:
    """Install a newer version and never start it: the record's Version is new, the instance's database old.

    :raises RuntimeError: when the instance's database is of that version already.
    """
    record = os.path.join(root, "etc", "lantai", "record.ini")
    if _get_value(record, "utf-8", instance, "DataBaseVersion") == version:
        raise RuntimeError("the database is of version {0} already".format(version))
    install(root, instance, version, packages)


def record_behind_database(root: str, instance: str, version: str) -> None:
    """Leave an old DataBaseVersion in the record over a new database: the crash between migrating and noting it."""
    _set_value(os.path.join(root, "etc", "lantai", "record.ini"), "utf-8", instance, "DataBaseVersion", version)


def _folder(root: str, instance: str) -> str:
    return os.path.join(root, "var", "lib", "兰台开票", instance)


def _pid(root: str, instance: str) -> int:
    with open(os.path.join(root, "run", "lantai", instance + ".pid"), encoding="ascii") as file:
        return int(file.read())


def _await_state(pid: int, states: str) -> None:
    """Wait until the kernel shows a process in one of these states, or no longer at all."""
    for _ in range(500):
        try:
            with open("/proc/{0}/stat".format(pid), encoding="utf-8", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] in states:
                    return
        except OSError:
            return
        time.sleep(0.01)
    raise RuntimeError("process {0} did not reach {1}".format(pid, states))


def _pattern(encoding: str, section: str, key: str) -> re.Pattern[bytes]:
    name, word = re.escape(section.encode(encoding)), re.escape(key.encode(encoding))
    return re.compile(rb"(?ms)(^\[" + name + rb"\][^\[]*?^" + word + rb"[ \t]*=[ \t]*)([^\r\n]*)")


def _get_value(path: str, encoding: str, section: str, key: str) -> str:
    with open(path, "rb") as file:
        found = _pattern(encoding, section, key).search(file.read())
    return found.group(2).decode(encoding) if found else ""


def _set_value(path: str, encoding: str, section: str, key: str, value: str) -> None:
    with open(path, "rb") as file:
        data = file.read()
    data, count = _pattern(encoding, section, key).subn(
        lambda found: found.group(1) + value.encode(encoding), data, count=1
    )
    if count != 1:
        raise KeyError("[{0}] {1} in {2}".format(section, key, path))
    with open(path, "wb") as file:
        file.write(data)
