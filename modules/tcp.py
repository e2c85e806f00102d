"""Probe: does an address accept TCP connections."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Optional

from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Tcp(Resource):
    """Connect once and close; nothing is sent."""

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "Whether a TCP address accepts connections."
    summary_zh: ClassVar[str] = "某 TCP 地址是否接受连接。"

    host: str = key("Host name or address.", "主机名或地址。", example="127.0.0.1")
    port: int = key("Port, 1 to 65535.", "端口，1 到 65535。", example=7001)
    timeout: float = option("Deadline in seconds.", "期限（秒）。", default=3.0)
    open: Optional[bool] = value("Whether it accepts.", "是否接受连接。")
    milliseconds: Optional[float] = value("How long connecting took.", "连接耗时（毫秒）。", volatile=True, example=1.5)

    def read(self, system: System) -> Optional[State]:
        """Return `open` and how long it took."""
        import socket
        import time

        started = time.monotonic()
        try:
            socket.create_connection((self.host, int(self.port)), float(self.timeout)).close()
        except OSError:
            return {"open": False}
        return {"open": True, "milliseconds": round((time.monotonic() - started) * 1000, 1)}
