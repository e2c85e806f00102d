"""Probe: does an address answer over HTTP, how fast, and how steadily."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, List, Optional, Tuple

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Http(Resource):
    """Ask an address a number of times, each time anew; proxies of the environment are passed by."""

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "Whether an HTTP address answers, how fast and how steadily."
    summary_zh: ClassVar[str] = "某 HTTP 地址是否应答、延迟及稳定性。"

    url: str = key(
        "Address, http or https.",
        "http 或 https 地址。",
        pattern=r"^(https?://|\{\{)",
        example="https://skfp.example.cn:7008/",
    )
    method: str = option(
        "Method; neither changes anything.", "请求方法，均不产生更改。", default="GET", choices=["GET", "HEAD"]
    )
    timeout: float = option("Deadline of one try in seconds.", "单次期限（秒）。", default=5.0, example=3.0)
    tries: int = option("How often to ask.", "尝试次数。", default=1, example=5)
    expect: List[int] = option(
        "Status codes that are good; empty: every one below 400.",
        "正常的状态码；空表示小于 400。",
        default=[],
        example=[200, 204],
    )
    max_loss: float = option(
        "Share of tries that may fail, 0 to 1.", "允许失败的比例，0 到 1。", default=0.0, example=0.2
    )
    ok: Optional[bool] = value("Whether it answers steadily.", "是否稳定应答。", example=True)
    status: Optional[int] = value("Last status code.", "最后一次状态码。", example=200)
    milliseconds: Optional[float] = value(
        "Median time of good tries.", "成功尝试的耗时中位数（毫秒）。", volatile=True, example=12.5
    )
    loss: Optional[float] = value(
        "Share of tries that failed, 0 to 1.", "失败比例，0 到 1。", volatile=True, example=0.0
    )
    reason: Optional[str] = value(
        "Why the last failed try failed.", "最近一次失败的原因。", volatile=True, example="timed out"
    )

    def read(self, system: System) -> Optional[State]:
        """Return `ok`, the last status, time, loss and the reason of a failure.

        Raises:
            ResourceError: the address is no URL (`http-url`).
        """
        times: List[float] = []
        state: State = {}
        tries = max(1, int(self.tries))
        for _ in range(tries):
            status, milliseconds, reason = self._ask()
            if status is not None:
                state["status"] = status
                if status not in self.expect if self.expect else status >= 400:
                    reason = "HTTP %d" % status
            if reason is None:
                times.append(milliseconds)
            else:
                state["reason"] = reason
        state["loss"] = round(1 - len(times) / tries, 4)
        state["ok"] = state["loss"] <= float(self.max_loss) and bool(times)
        if times:
            state["milliseconds"] = round(sorted(times)[len(times) // 2], 1)
        return state

    def _ask(self) -> Tuple[Optional[int], float, Optional[str]]:
        """Return status, milliseconds and, if nothing came back, the reason."""
        import http.client
        import time

        started = time.monotonic()
        connection, target = self._connection()
        try:
            connection.request(self.method, target, headers={"Connection": "close", "User-Agent": "guiwei"})
            status = int(connection.getresponse().status)
            return status, (time.monotonic() - started) * 1000, None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return None, 0.0, str(error) or type(error).__name__
        finally:
            connection.close()

    def _connection(self) -> Tuple[Any, str]:
        import http.client
        from urllib.parse import quote, urlsplit

        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ResourceError("http-url", url=self.url) from error
        if not host or parts.scheme not in ("http", "https"):
            raise ResourceError("http-url", url=self.url)
        target = quote((parts.path or "/") + ("?" + parts.query if parts.query else ""), safe="/%:=&?~+!$,;'@()*[]")
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=float(self.timeout)), target
        return http.client.HTTPSConnection(host, port, timeout=float(self.timeout)), target
