"""Make a branch's invoicing PC below a root: package, instance, registered disk, a history of invoices."""

from __future__ import annotations

import datetime
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
from typing import Any, NamedTuple

from .build import build, package_path
from .disks import KINDS, make_disk, plug, unplug
from .uscc import usccs

__all__ = [
    "Answer",
    "Branch",
    "free_port",
    "history",
    "install",
    "lantai",
    "make_branch",
    "program",
    "plug",
    "unplug",
    "usccs",
]

_GOODS = (
    "*办公用品*打印纸",
    "*餐饮服务*餐费",
    "*信息技术服务*软件服务费",
    "*运输服务*运费",
    "*家具*办公椅",
    "*电子产品*显示器",
)
_RATES = ("0.13", "0.09", "0.06", "0.03", "0.01")
_CITIES = ("青禾", "云岭", "望川", "北渡", "松溪", "南塘", "鹿鸣", "临泽")
_TRADES = ("商贸", "科技", "餐饮管理", "物流", "文化传播", "建筑工程")


class Answer(NamedTuple):
    """What the client answered: exit code, message, data, and standard error for what is no answer at all."""

    code: int
    message: str
    data: dict[str, Any]
    stderr: str


class Branch(NamedTuple):
    """One instance on one PC and what its people know; ``disk`` is the disk's contents as it was issued."""

    root: str
    instance: str
    folder: str
    port: int
    disk_number: str
    pin: str
    password: str
    disk: dict[str, Any]

    def run(self, *arguments: str, stdin: str = "") -> Answer:
        """Run the client for this instance."""
        return lantai(self.root, *arguments, instance=self.instance, stdin=stdin)

    def at_work(self) -> Branch:
        """Start the client and log in; return itself.

        :raises RuntimeError: when either is refused.
        """
        for answer in (self.run("start"), self.run("login", "--password-stdin", stdin=self.password)):
            if answer.code:
                raise RuntimeError(answer.message or answer.stderr)
        return self


def program(root: str, instance: str) -> str:
    """Return the program tree of an instance."""
    return os.path.join(_folder(root, instance), "Program")


def lantai(root: str, *arguments: str, instance: str, stdin: str = "") -> Answer:
    """Run the client with an instance's own program tree, for that instance, and return its answer."""
    script = os.path.join(program(root, instance), "bin", "lantai")
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, "--root", root, "--instance", instance, "--json", *arguments],
        input=stdin.encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    try:
        answer = json.loads(done.stdout.decode("utf-8"))
    except ValueError:
        answer = {}
    return Answer(
        done.returncode,
        answer.get("message", ""),
        answer.get("data") or {},
        done.stderr.decode("utf-8", "replace"),
    )


def install(root: str, instance: str, version: str, packages: str) -> None:
    """Put a version's program tree in place of the instance's, and run its setup, as an installer does.

    Other instances keep theirs. The package is built when ``packages`` does not hold it yet.
    """
    package = package_path(packages, version)
    if not os.path.exists(package):
        build(version, packages)
    tree = program(root, instance)
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    with tarfile.open(package) as archive:
        archive.extractall(tree)
    _expect(lantai(root, "setup", instance=instance))


def make_branch(
    root: str,
    version: str,
    taxpayer: str,
    machine: str,
    orgcode: str,
    name: str,
    port: int,
    upload_url: str,
    disk_number: str,
    pin: str,
    password: str,
    *,
    packages: str,
    invoices: int = 300,
    seed: int = 1,
    registered: bool = True,
    kinds: tuple[str, ...] = KINDS,
    limit_exponent: int = 5,
    until: datetime.date | None = None,
) -> Branch:
    """Make one instance on the PC below ``root``; called again with another taxpayer it makes a second instance.

    Each has its own program tree, of its own version. A disk that is plugged in is pulled out first: a PC takes one
    at a time (``unplug(root)``, then ``plug(root, other.disk)`` changes over).

    :param packages: folder with the packages; what is missing is built there.
    :param until: the day on which the history ends and around which the disk's periods lie (today by default). The
        client goes by the real clock: with a day long past its lock date has passed.
    :return: the instance, not started.
    :raises RuntimeError: when the client refuses a step.
    """
    instance = taxpayer + "." + machine
    install(root, instance, version, packages)
    driver = os.path.join(root, "etc", "lantai", "driver.ini")
    if not os.path.exists(driver):
        os.makedirs(os.path.dirname(driver), exist_ok=True)
        with open(driver, "w", encoding="utf-8", newline="\n") as file:
            file.write("[driver]\nversion=2.1.0\n")
    _expect(
        lantai(
            root,
            "init",
            "--taxpayer",
            taxpayer,
            "--machine",
            machine,
            "--orgcode",
            orgcode,
            "--name",
            name,
            "--port",
            str(port),
            "--upload",
            upload_url,
            "--kinds",
            ",".join(kinds),
            "--limit",
            "{0}.99".format(10**limit_exponent - 1),
            "--cert-password-stdin",
            instance=instance,
            stdin=password,
        )
    )
    for number in [each[:-5] for each in sorted(_devices(root))]:
        unplug(root, number)
    disk = make_disk(
        disk_number,
        taxpayer,
        pin,
        orgcode=orgcode,
        machine=machine,
        kinds=kinds,
        limit_exponent=limit_exponent,
        today=until,
    )
    plug(root, disk)
    if registered:
        _expect(lantai(root, "register", "--disk", disk_number, "--pin-stdin", instance=instance, stdin=pin))
    if invoices:
        told = json.dumps(history(seed, invoices, kinds, until or datetime.date.today(), limit_exponent))
        _expect(lantai(root, "import", "--stdin", instance=instance, stdin=told))
    return Branch(root, instance, _folder(root, instance), port, disk_number, pin, password, disk)


def history(
    seed: int,
    count: int,
    kinds: tuple[str, ...] = KINDS,
    until: datetime.date | None = None,
    limit_exponent: int = 5,
) -> list[dict[str, Any]]:
    """Return a plausible history of invoices for the client's ``import``, the same for the same arguments.

    About five months up to ``until``; one in twenty void, one in twenty-five red; the last few not yet uploaded.
    """
    source = random.Random(seed)
    last = until or datetime.date.today()
    buyers = [
        (source.choice(_CITIES) + source.choice(_CITIES) + source.choice(_TRADES) + "有限公司", uscc)
        for uscc in usccs(seed + 1, 12)
    ]
    seconds_a_day = 12 * 3600
    moments = sorted(source.randrange(149 * seconds_a_day) for _ in range(count))
    made = []  # type: list[dict[str, Any]]
    # Per kind, the places of the invoices that a red one may still take back.
    open_places = {kind: [] for kind in kinds}  # type: dict[str, list[int]]
    for place, moment in enumerate(moments):
        start_of_day = last - datetime.timedelta(days=149 - moment // seconds_a_day)
        issued = datetime.datetime.combine(start_of_day, datetime.time(8)) + datetime.timedelta(
            seconds=moment % seconds_a_day
        )
        # The last ones are the last day's first minutes: none is older than the offline limit allows.
        waiting = place >= count - min(5, count // 20)
        if waiting:
            issued = datetime.datetime.combine(last, datetime.time(0, place - (count - 5)))
        kind = source.choice(kinds)
        buyer, buyer_tax = source.choice(buyers)
        entry = {
            "kind": kind,
            "issued": issued.strftime("%Y-%m-%d %H:%M:%S"),
            "buyer": buyer,
            "buyer_tax": buyer_tax,
            "lines": [],
            "status": "valid",
            "uploaded": not waiting,
            "red_of": None,
            "remark": "",
        }  # type: dict[str, Any]
        candidates = open_places[kind]
        if candidates and source.random() < 0.04:
            original = candidates.pop(source.randrange(max(0, len(candidates) - 30), len(candidates)))
            entry.update(
                red_of=original,
                buyer=made[original]["buyer"],
                buyer_tax=made[original]["buyer_tax"],
                remark="退货",
            )
        else:
            entry["lines"] = [_line(source, limit_exponent) for _ in range(source.randrange(1, 4))]
            if kind in ("004", "007") and source.random() < 0.1:
                entry["status"] = "void"
            else:
                candidates.append(place)
        made.append(entry)
    return made


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _folder(root: str, instance: str) -> str:
    return os.path.join(root, "var", "lib", "兰台开票", instance)


def _line(source: random.Random, limit_exponent: int) -> list[str]:
    # Three lines together stay below the limit.
    most = 10**limit_exponent * 100 // 4
    quantity = source.randrange(1, 20)
    price = source.randrange(100, max(101, most // quantity))
    return [
        source.choice(_GOODS),
        str(quantity),
        "{0}.{1:02d}".format(price // 100, price % 100),
        source.choice(_RATES),
    ]


def _devices(root: str) -> list[str]:
    folder = os.path.join(root, "dev", "taxdisk")
    return os.listdir(folder) if os.path.isdir(folder) else []


def _expect(answer: Answer) -> None:
    if answer.code:
        raise RuntimeError("{0}: {1}".format(answer.code, answer.message or answer.stderr))
