"""The running client: JSON over HTTP on 127.0.0.1, one command at a time.

The few lines of HTTP that are needed are spoken here: the standard server would cost more than all else at start-up.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
import time
from typing import IO

from . import errors, lockfile, log, startup
from .paths import Folder, program_version, write_atomically
from .service import Service

__all__ = ["serve"]

_LARGEST_REQUEST = 1 << 20


def serve(folder: Folder, ready: int | None) -> None:
    """Run the client until it is told to stop; ``ready`` is a pipe that hears once how the start went.

    :raises Refusal: when the client must not start.
    """
    try:
        if not os.path.isdir(os.path.dirname(folder.lock)):
            raise errors.Refusal(errors.DAMAGED, "数据库丢失：{0}".format(folder.database))
        lock = lockfile.take(folder.lock)
        if lock is None:
            raise errors.Refusal(errors.IN_USE, "开票实例 {0} 正在使用（1007）".format(folder.name))
        try:
            settings = startup.pass_gates(folder)
            listener = startup.open_port(settings.port)
            startup.settle_database(folder)
        except BaseException:
            lockfile.release(folder.lock, lock)
            raise
    except errors.Refusal as refusal:
        log.write(folder, "错误", "启动失败：" + refusal.message)
        _tell(ready, {"code": refusal.code, "message": refusal.message, "data": refusal.data})
        raise
    _Server(folder, listener, lock, settings.port).run(ready)


class _Server:
    def __init__(self, folder: Folder, listener: socket.socket, lock: IO[bytes], port: int) -> None:
        self.folder = folder
        self.listener = listener
        self.lock = lock
        self.port = port
        # The files may be replaced under a running client: it says what it is, not what lies there.
        self.version = program_version()
        self.started = time.strftime("%Y-%m-%d %H:%M:%S")
        self.service = Service(folder)
        self.busy = threading.Lock()
        # Signals and the stop command both end the loop by one byte: neither can cut a command in half.
        self.wake, self.waker = socket.socketpair()
        self.wake.setblocking(False)
        self.waker.setblocking(False)

    def run(self, ready: int | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self.waker.fileno())
        self._write_run_files()
        log.write(self.folder, "信息", "服务启动 版本 {0} 端口 {1}".format(self.version, self.port))
        _tell(ready, {"code": 0, "message": "已启动", "data": self._about()})
        while self.wake not in select.select([self.listener, self.wake], [], [])[0]:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
        with self.busy:
            self.listener.close()
            for path in (self.folder.running, self.folder.pid):
                if os.path.exists(path):
                    os.unlink(path)
            log.write(self.folder, "信息", "服务停止")
            lockfile.release(self.folder.lock, self.lock)

    def _write_run_files(self) -> None:
        os.makedirs(self.folder.layout.run, exist_ok=True)
        write_atomically(self.folder.pid, "{0}\n".format(os.getpid()).encode("ascii"))
        about = {"port": self.port, "started": self.started, "version": self.version}
        write_atomically(self.folder.running, (json.dumps(about) + "\n").encode("ascii"))

    def _about(self) -> dict[str, object]:
        return {
            "instance": self.folder.name,
            "pid": os.getpid(),
            "port": self.port,
            "started": self.started,
            "version": self.version,
            "logged_in": self.service.logged_in,
            "editing": self.service.editing,
        }

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                command, arguments = _read_request(connection)
                answer = self._run(command, arguments)
                body = json.dumps(answer, ensure_ascii=False).encode("utf-8")
                connection.sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "
                    + str(len(body)).encode("ascii")
                    + b"\r\nConnection: close\r\n\r\n"
                    + body
                )
            except (OSError, ValueError):
                return
            if command == "stop" and answer["code"] == 0:
                self.waker.send(b"s")

    def _run(self, command: str, arguments: dict[str, object]) -> dict[str, object]:
        # Asking how it is must not wait behind a slow upload.
        if command == "ping":
            return {"code": 0, "message": "正在运行", "data": self._about()}
        try:
            with self.busy:
                if command == "stop":
                    if self.service.editing and not arguments.get("force"):
                        raise errors.Refusal(errors.IN_USE, "有人正在填开发票，不能停止（1007）")
                    return {"code": 0, "message": "已停止", "data": {}}
                message, data = self.service.run(command, arguments)
                return {"code": 0, "message": message, "data": data}
        except errors.Refusal as refusal:
            log.write(self.folder, "错误", "{0}：{1}".format(command, refusal.message))
            return {"code": refusal.code, "message": refusal.message, "data": refusal.data}
        except Exception as error:  # the session must outlive a bug; the caller exits with 1
            log.write(self.folder, "错误", "程序错误：{0!r}".format(error))
            return {"code": 1, "message": "程序错误：{0!r}".format(error), "data": {}}


def _read_request(connection: socket.socket) -> tuple[str, dict[str, object]]:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _LARGEST_REQUEST:
        part = connection.recv(65536)
        if not part:
            raise ValueError("the request ends early")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in lines[1:]}
    length = int(headers.get("content-length", "0"))
    if method != "POST" or not 0 <= length <= _LARGEST_REQUEST:
        raise ValueError("not a request of the client")
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            raise ValueError("the request ends early")
        body += part
    arguments = json.loads(body.decode("utf-8") or "{}")
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are not an object")
    return target.lstrip("/"), arguments


def _tell(ready: int | None, answer: dict[str, object]) -> None:
    if ready is not None:
        os.write(ready, json.dumps(answer).encode("ascii") + b"\n")
        os.close(ready)
