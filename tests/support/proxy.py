"""A TCP proxy between controller and PC that can hold bytes back, count them, and cut the line."""

from __future__ import annotations

import socket
import struct
import threading

__all__ = ["Proxy"]


class Proxy:
    """Pass connections on 127.0.0.1 through to a port; a context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.to_pc = 0
        self.to_controller = 0
        self._flow = threading.Event()
        self._flow.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        try:
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.close()
        self.cut()

    def hold(self) -> None:
        """From now on nothing from the PC reaches the controller."""
        self._flow.clear()

    def release(self) -> None:
        """Let what was held back pass."""
        self._flow.set()

    def cut(self) -> None:
        """End every connection as a reset, as a router that lost its state does."""
        for pair in self._pairs:
            for sock in pair:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                sock.close()
        self._pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, to_pc: bool) -> None:
        try:
            while piece := source.recv(1 << 16):
                if not to_pc:
                    self._flow.wait()
                sink.sendall(piece)
                if to_pc:
                    self.to_pc += len(piece)
                else:
                    self.to_controller += len(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
