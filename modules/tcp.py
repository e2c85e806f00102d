"""Probe: does an address accept TCP connections, how fast, and how steadily."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional, Tuple

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System

_PORTS = {"http": "80", "https": "443"}


@dataclasses.dataclass(frozen=True)
class Tcp(Resource):
    """Connect once or some times and close; nothing is sent.

    A server may be given by its URL, as clients keep it in their settings.
    """

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "Whether a TCP address accepts connections, and how steadily."
    summary_zh: ClassVar[str] = "某 TCP 地址是否接受连接、是否稳定。"

    host: str = key("Host name, address, or a URL.", "主机名、地址或网址。", example="127.0.0.1")
    port: Optional[int] = key(
        "Port, 1 to 65535; the URL's if not given.",
        "端口，1 到 65535；不写时取网址中的端口。",
        default=None,
        example=7001,
    )
    timeout: float = option("Deadline of one try in seconds.", "每次尝试的期限（秒）。", default=3.0)
    tries: int = option("How often it is tried.", "尝试次数。", default=1, example=5)
    open: Optional[bool] = value("Whether it accepts at least once.", "是否至少接受一次连接。")
    loss: Optional[float] = value(
        "Share of tries that failed, 0 to 1.", "失败比例，0 到 1。", volatile=True, example=0.0
    )
    milliseconds: Optional[float] = value(
        "How long connecting took, the median.", "连接耗时的中位数（毫秒）。", volatile=True, example=1.5
    )

    def read(self, system: System) -> Optional[State]:
        """Return `open`, and how the tries went.

        Raises:
            ResourceError: host and port, which may come out of a file on the PC, are none (`port-invalid`,
                `address-invalid`).
        """
        import socket
        import time

        host, port = self._address()
        tries = max(1, int(self.tries))
        took = []  # type: list[float]
        for _ in range(tries):
            started = time.monotonic()
            try:
                socket.create_connection((host, port), float(self.timeout)).close()
            except OSError:
                continue
            took.append(round((time.monotonic() - started) * 1000, 1))
        state: State = {"open": bool(took), "loss": round(1 - len(took) / tries, 4)}
        if took:
            state["milliseconds"] = sorted(took)[len(took) // 2]
        return state

    def _address(self) -> Tuple[str, int]:
        from urllib.parse import urlsplit

        host, port = str(self.host).strip(), "" if self.port is None else str(self.port).strip()
        if "://" in host:
            try:
                parts = urlsplit(host)
                host, own = parts.hostname or "", str(parts.port or _PORTS.get(parts.scheme, ""))
            except ValueError:
                host, own = "", ""
            port = port or own
        if not host or "/" in host:
            raise ResourceError("address-invalid", address=str(self.host))
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ResourceError("port-invalid", port=port)
        return host, int(port)
