"""Start, ask and stop the running client from the command line."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from . import config, errors, lockfile
from .paths import Folder, program_folder

__all__ = ["call", "ping", "start", "stop"]


def call(folder: Folder, command: str, arguments: dict[str, object], timeout: float = 120.0) -> dict[str, object]:
    """Send one command to the running client and return its answer (code, message, data).

    :raises Refusal: NOT_RUNNING when it does not run or does not answer within ``timeout`` seconds.
    """
    # Two instances may be set to one port: only the one that holds its lock is asked, on the port that it opened.
    if not lockfile.held(folder.lock):
        raise errors.Refusal(errors.NOT_RUNNING, "开票服务没有运行")
    port = _port(folder)
    body = json.dumps(arguments).encode("ascii")
    request = "POST /{0} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {1}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.sendall(request.format(command, len(body)).encode("ascii") + body)
            data = b""
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                data += part
        answer = json.loads(data.partition(b"\r\n\r\n")[2].decode("utf-8"))
    except (OSError, ValueError) as error:
        raise errors.Refusal(errors.NOT_RUNNING, "开票服务没有响应（端口 {0}）：{1}".format(port, error)) from error
    if not isinstance(answer, dict) or "code" not in answer:
        raise errors.Refusal(errors.NOT_RUNNING, "端口 {0} 上不是开票服务".format(port))
    return answer


def ping(folder: Folder, timeout: float = 2.0) -> dict[str, object] | None:
    """Return what the running client says of itself, or None when it does not answer or is another instance."""
    try:
        data = call(folder, "ping", {}, timeout).get("data")
    except errors.Refusal:
        return None
    return data if isinstance(data, dict) and data.get("instance") == folder.name else None


def start(folder: Folder, timeout: float) -> dict[str, object]:
    """Start the client in the background and return its answer once it serves.

    :raises Refusal: IN_USE when it runs but does not answer, NOT_RUNNING when it does not come up.
    """
    if lockfile.held(folder.lock):
        about = ping(folder)
        if about is None:
            raise errors.Refusal(errors.IN_USE, "开票实例 {0} 正在使用（1007），但没有响应".format(folder.name))
        return {"code": 0, "message": "已经在运行", "data": about}
    hear, tell = os.pipe()
    if os.fork() == 0:
        _become_server(folder, tell)
    os.close(tell)
    with os.fdopen(hear, "rb") as pipe:
        if not select.select([pipe], [], [], timeout)[0]:
            raise errors.Refusal(errors.NOT_RUNNING, "开票服务 {0:g} 秒内没有启动".format(timeout))
        line = pipe.readline()
    if not line:
        raise errors.Refusal(errors.NOT_RUNNING, "开票服务无法运行：程序意外退出，请修复安装")
    answer = json.loads(line.decode("ascii"))
    return dict(answer)


def stop(folder: Folder, force: bool, timeout: float) -> dict[str, object]:
    """Stop the running client and wait until it is gone.

    :raises Refusal: IN_USE when a clerk is writing an invoice, NOT_RUNNING when it does not answer or go.
    """
    if not lockfile.held(folder.lock):
        return {"code": 0, "message": "没有运行", "data": {"was_running": False}}
    deadline = time.monotonic() + timeout
    answer = call(folder, "stop", {"force": force}, timeout)
    if answer["code"] != 0:
        return answer
    while lockfile.held(folder.lock):
        if time.monotonic() > deadline:
            raise errors.Refusal(errors.NOT_RUNNING, "开票服务 {0:g} 秒内没有停止".format(timeout))
        time.sleep(0.02)
    return {"code": 0, "message": "已停止", "data": {"was_running": True}}


def _port(folder: Folder) -> int:
    try:
        with open(folder.running, encoding="ascii") as file:
            return int(json.load(file)["port"])
    except (OSError, ValueError, KeyError):
        return config.port_of(config.open_file(folder))


def _become_server(folder: Folder, tell: int) -> None:
    """Turn this forked process into the server; never returns."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    # The server outlives whoever called: it must not hold open what the caller waits on.
    os.closerange(3, tell)
    os.closerange(tell + 1, 1024)
    os.set_inheritable(tell, True)
    os.execv(
        sys.executable,
        [
            sys.executable,
            "-E",
            "-s",
            "-S",
            os.path.join(program_folder(), "bin", "lantai"),
            "--root",
            folder.layout.root,
            "--instance",
            folder.name,
            "serve",
            "--ready-fd",
            str(tell),
        ],
    )
