"""The lab's fleet: three branch PCs on loopback, each with an SSH endpoint, and the bureau's upload server.

Everything lies in one folder and runs as the calling user; nothing of it needs root::

    FOLDER/artifacts/           the client's packages
    FOLDER/pc01/ pc02/ pc03/    the PCs, each a root of its own
    FOLDER/key                  the private key of the user `lab`, made here
    FOLDER/host_keys/           the PCs' host keys; a rebuilt PC keeps its key
    FOLDER/fleet.json           ports, and whether the fleet is whole
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .endpoint import Endpoint
from .lantai import branch, build, faults
from .lantai.upload_server import UploadServer

__all__ = ["PC", "PCS", "USER", "Fleet"]

USER = "lab"
_ADDRESS = "127.0.0.1"
_PATIENCE = 10.0


@dataclass(frozen=True)
class PC:
    """One branch's PC. All of it is fictional but the cities: taxpayer ids lie in a region that does not exist.

    Attributes:
        orgcode: 地区编号, six digits.
        disk: 税控盘编号, twelve digits.
        seed: of the history of `invoices` invoices.
        fault: what life has done to it.
    """

    name: str
    company: str
    taxpayer: str
    machine: str
    orgcode: str
    disk: str
    pin: str
    certificate_password: str
    seed: int
    invoices: int = 300
    version: str = "2.4.0"
    fault: Literal["", "wrong_parameters", "disk_unregistered"] = ""

    @property
    def instance(self) -> str:
        """Return the name of the client's instance, <税号>.<机号>."""
        return f"{self.taxpayer}.{self.machine}"


PCS = (
    PC(
        name="pc01",
        company="杭州示例茶叶商贸有限公司",
        taxpayer="91996731333271677W",
        machine="0",
        orgcode="330100",
        disk="008800330101",
        pin="60118325",
        certificate_password="hangzhou-demo-1",
        seed=101,
    ),
    PC(
        name="pc02",
        company="宁波样本物流有限公司",
        taxpayer="91992696181190041G",
        machine="0",
        orgcode="330200",
        disk="008800330202",
        pin="74409162",
        certificate_password="ningbo-demo-2",
        seed=102,
        fault="wrong_parameters",
    ),
    PC(
        name="pc03",
        company="温州演示餐饮管理有限公司",
        taxpayer="919942763520844478",
        machine="1",
        orgcode="330300",
        disk="008800330303",
        pin="35927780",
        certificate_password="wenzhou-demo-3",
        seed=103,
        fault="disk_unregistered",
    ),
)

#: What somebody typed into pc02's settings: another company's 税号, a lower 限额, fewer 发票类型.
_WRONG = {"taxpayer": PCS[0].taxpayer, "limit": "9999.99", "kinds": "004,007"}


class _Ports(NamedTuple):
    """Every port of a fleet: the PCs' SSH, the clients' own local service, the upload server."""

    ssh: tuple[int, ...]
    clients: tuple[int, ...]
    upload: int


class Fleet:
    """The PCs of `PCS` in one folder: `build` once, `start`, and at the end `stop`.

    Args:
        folder: made when it is missing; not readable for others.
        ports: one SSH port for each PC. The upload server takes the port before the first, and each client's local
            service the tenth after its PC's. By default free ones are found at the first build and kept.

    Raises:
        ValueError: the ports are not one for each PC, or get into each other's way.
    """

    def __init__(self, folder: Path, ports: Sequence[int] | None = None) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.artifacts = self.folder / "artifacts"
        self.key_file = self.folder / "key"
        self._note = self.folder / "fleet.json"
        self._endpoints: dict[str, Endpoint] = {}
        self._server: UploadServer | None = None
        noted = self._noted()
        self._ports = _fixed(ports) if ports is not None else _Ports(*noted["ports"]) if noted else None

    @property
    def built(self) -> bool:
        """Tell whether the folder holds a whole fleet with these ports."""
        noted = self._noted()
        return bool(noted and noted["built"] and _Ports(*noted["ports"]) == self._ports)

    @property
    def upload_address(self) -> str:
        """Return the upload server's address."""
        return f"http://{_ADDRESS}:{self._known_ports().upload}/upload"

    def root(self, pc: PC) -> Path:
        """Return the folder that is a PC's `/`."""
        return self.folder / pc.name

    def build(self, progress: Callable[[str], None] | None = None) -> None:
        """Make packages and PCs anew, the PCs beside each other; what was there of them is lost.

        Args:
            progress: hears the name of each package and PC that is ready.

        Raises:
            RuntimeError: the folder is another user's, it holds such PCs but no note that a fleet made them, or the
                client refuses a step.
        """
        tell = progress or (lambda _: None)
        self._claim_folder()
        if self._ports is None:
            self._ports = _free()
        self._end_clients()
        self._write_note(built=False)
        for pc in PCS:
            shutil.rmtree(self.root(pc), ignore_errors=True)
            _make_key(self._host_key_file(pc))
        _make_key(self.key_file)
        for version in build.VERSIONS:
            tell(Path(build.build(version, str(self.artifacts))).name)
        for version in build.DRIVERS:
            build.build_driver(version, str(self.artifacts))
        with ThreadPoolExecutor(len(PCS)) as pool:
            ready = {pool.submit(self._make, pc, port): pc for pc, port in zip(PCS, self._ports.clients, strict=True)}
            for made in as_completed(ready):
                made.result()
                tell(ready[made].name)
        self._write_note(built=True)

    def start(self) -> None:
        """Open the upload server and each PC's SSH endpoint; all or nothing.

        Raises:
            RuntimeError: the fleet is not built, or runs already.
            OSError: a port is taken.
        """
        if not self.built:
            raise RuntimeError(f"no fleet in {self.folder}")
        if self._server is not None:
            raise RuntimeError("the fleet runs already")
        ports = self._known_ports()
        key = _load_key(self.key_file)
        self._server = UploadServer(ports.upload).start()
        try:
            for pc, port in zip(PCS, ports.ssh, strict=True):
                endpoint = Endpoint(
                    self.root(pc), host_key=_load_key(self._host_key_file(pc)), users={USER: key}, port=port
                )
                endpoint.start()
                self._endpoints[pc.name] = endpoint
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close the endpoints, end every client of the fleet whoever started it, and close the upload server."""
        for endpoint in self._endpoints.values():
            endpoint.stop()
        self._endpoints = {}
        self._end_clients()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Fleet:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def inventory(self, python: str = sys.executable) -> dict[str, Any]:
        """Return the fleet as an inventory in Ansible's YAML form, without secrets.

        Args:
            python: interpreter on the PCs, which is this machine's.

        Raises:
            RuntimeError: the ports are not known before the fleet is built.
        """
        shared = {
            "ansible_host": _ADDRESS,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.key_file),
            "ansible_python_interpreter": python,
            "guiwei_artifacts": str(self.artifacts),
            "upload_address": self.upload_address,
        }
        hosts = {
            pc.name: {
                "ansible_port": port,
                "guiwei_root": str(self.root(pc)),
                "guiwei_state_dir": str(self.root(pc) / "var/lib/guiwei"),
                "company": pc.company,
                "instances": [{"taxpayer": pc.taxpayer, "machine": pc.machine, "orgcode": pc.orgcode, "disk": pc.disk}],
            }
            for pc, port in zip(PCS, self._known_ports().ssh, strict=True)
        }
        return {"all": {"children": {"branches": {"hosts": hosts, "vars": shared}}}}

    def secrets(self) -> dict[str, dict[str, str]]:
        """Return each host's secret variables."""
        return {pc.name: {"disk_pin": pc.pin, "certificate_password": pc.certificate_password} for pc in PCS}

    def known_hosts(self) -> str:
        """Return the PCs' host keys as lines of a known_hosts file."""
        lines = []
        for pc, port in zip(PCS, self._known_ports().ssh, strict=True):
            key = _load_key(self._host_key_file(pc))
            lines.append(f"[{_ADDRESS}]:{port} {key.get_name()} {key.get_base64()}\n")
        return "".join(lines)

    def _make(self, pc: PC, port: int) -> None:
        made = branch.make_branch(
            str(self.root(pc)),
            pc.version,
            pc.taxpayer,
            pc.machine,
            pc.orgcode,
            pc.company,
            port,
            self.upload_address,
            pc.disk,
            pc.pin,
            pc.certificate_password,
            packages=str(self.artifacts),
            invoices=pc.invoices,
            seed=pc.seed,
        )
        if pc.fault == "wrong_parameters":
            faults.wrong_parameters(made.root, made.instance, **_WRONG)
        elif pc.fault == "disk_unregistered":
            faults.disk_unregistered(made.root, made.instance)

    def _claim_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The folder of the standing lab is known to everybody: somebody else may have made it first.
        if self.folder.stat().st_uid != os.geteuid():
            raise RuntimeError(f"{self.folder} belongs to another user")
        if not self._note.exists() and any(self.root(pc).exists() for pc in PCS):
            raise RuntimeError(f"{self.folder} was not made by the lab")

    def _host_key_file(self, pc: PC) -> Path:
        return self.folder / "host_keys" / pc.name

    def _known_ports(self) -> _Ports:
        if self._ports is None:
            raise RuntimeError(f"no fleet in {self.folder}")
        return self._ports

    def _noted(self) -> dict[str, Any] | None:
        try:
            noted = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        ports = noted["ports"]
        return {"built": noted["built"], "ports": (tuple(ports[0]), tuple(ports[1]), ports[2])}

    def _write_note(self, *, built: bool) -> None:
        fresh = self._note.with_suffix(".new")
        fresh.write_text(json.dumps({"built": built, "ports": self._ports}) + "\n", "utf-8")
        fresh.replace(self._note)

    def _end_clients(self) -> None:
        for pc in PCS:
            run = self.root(pc) / "run" / "lantai"
            for pid_file in sorted(run.glob("*.pid")):
                _end_client(pid_file, str(self.root(pc)))


def _end_client(pid_file: Path, root: str) -> None:
    """End the client that a pid file names, and remove its run files if it could not do so itself."""
    try:
        pid = int(pid_file.read_text("ascii"))
    except (OSError, ValueError):
        pid = 0
    # A frozen one must be woken to hear of its end.
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _is_client(pid, root):
            break
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        limit = time.monotonic() + _PATIENCE
        while _is_client(pid, root) and time.monotonic() < limit:
            time.sleep(0.02)
    for path in (pid_file, pid_file.with_name(pid_file.name[:-4] + ".json")):
        path.unlink(missing_ok=True)


def _is_client(pid: int, root: str) -> bool:
    """Tell whether a process is a client of the PC with this root: its number may be another program's by now."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"serve" in arguments and os.fsencode(root) in arguments


def _fixed(ports: Sequence[int]) -> _Ports:
    if len(ports) != len(PCS):
        raise ValueError(f"{len(PCS)} ports are needed, not {len(ports)}")
    made = _Ports(tuple(ports), tuple(port + 10 for port in ports), ports[0] - 1)
    if len({*made.ssh, *made.clients, made.upload}) != 2 * len(PCS) + 1:
        raise ValueError(
            f"ports {ports}: the clients' {made.clients} or the upload server's {made.upload} are among them"
        )
    return made


def _free() -> _Ports:
    """Find ports that nobody listens on, below those that the kernel hands out for outgoing connections."""
    count, found = len(PCS), list[int]()
    for port in random.sample(range(20000, 32000), 2000):
        with socket.socket() as probe:
            try:
                probe.bind((_ADDRESS, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 2 * count + 1:
            return _Ports(tuple(found[:count]), tuple(found[count : 2 * count]), found[-1])
    raise OSError("no free port")


def _load_key(path: Path) -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key_file(str(path))


def _make_key(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
