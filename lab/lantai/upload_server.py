"""A stand-in for the bureau's upload server (安全接入) on loopback, which a test can make slow, failing or silent."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

__all__ = ["UploadServer"]


class UploadServer:
    """Take invoices and filings, from :meth:`start` to :meth:`stop`; usable in ``with``.

    :param port: 0 takes a free one.
    :ivar delay: seconds before each answer.
    :ivar failing: answer 503 instead.
    :ivar dropping: take every nth request and hang up on it (0: none), as an unsteady line does.
    :ivar refusing: numbers of invoices that are not accepted.
    """

    def __init__(self, port: int = 0) -> None:
        self.delay = 0.0
        self.failing = False
        self.dropping = 0
        self.refusing = set()  # type: set[str]
        self.invoices = {}  # type: dict[str, dict[str, Any]]
        self.filings = []  # type: list[dict[str, Any]]
        self.requests = 0
        self._leave = threading.Event()
        self._lock = threading.Lock()
        self._server = _Listener(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The upload address to give to a client."""
        return "http://127.0.0.1:{0}/upload".format(self.port)

    def start(self) -> UploadServer:
        """Begin to answer; return itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop and give the port back; a slow answer is cut short."""
        self._leave.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> UploadServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def take(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Keep what a client sent and return the answer to it."""
        with self._lock:
            if "filing" in payload:
                self.filings.append(payload)
                return {"accepted": sorted(payload["filing"])}
            accepted = [each["number"] for each in payload["invoices"] if each["number"] not in self.refusing]
            for each in payload["invoices"]:
                if each["number"] in accepted:
                    self.invoices[each["number"]] = dict(each, taxpayer=payload["taxpayer"])
            return {"accepted": accepted}

    def admit(self) -> str:
        """Count a request, wait as told, and say what becomes of it: ``answer``, ``fail`` or ``drop``."""
        with self._lock:
            self.requests += 1
            dropped = bool(self.dropping) and self.requests % self.dropping == 0
        self._leave.wait(self.delay)
        return "drop" if dropped else "fail" if self.failing else "answer"


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that hangs up is no news here."""


def _handler(server: UploadServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda: {"service": "upload"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(lambda: server.take(json.loads(body.decode("utf-8"))))

        def _answer(self, make: Any) -> None:
            fate = server.admit()
            if fate == "drop":
                self.close_connection = True
                return
            body = json.dumps(make() if fate == "answer" else {"error": "busy"}).encode("utf-8")
            self.send_response(200 if fate == "answer" else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    return Handler
