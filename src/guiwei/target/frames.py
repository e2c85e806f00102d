"""Frames on the channel between controller and agent.

A frame is a 5-byte header (big-endian length, one type byte) and a body: `J` is one JSON value of at most 1 MiB,
`D` is raw data of at most 64 KiB, a piece of a blob that the agent asked for. A JSON value that is larger is cut into
`P` frames (parts) that the closing `J` frame completes, so that no single frame is ever over the limit.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Tuple

from guiwei.errors import HostError
from guiwei.target.wire import decode, encode

__all__ = ["DATA_LIMIT", "FORMAT", "JSON_LIMIT", "FrameReader", "FrameWriter"]

#: Version of the conversation; agent and controller of one payload always agree, a journal may not.
FORMAT = 1
JSON_LIMIT = 1 << 20
DATA_LIMIT = 64 << 10
#: What one message may grow to in parts: far above any real one, far below what would exhaust the PC.
MESSAGE_LIMIT = 64 << 20
_HEADER = struct.Struct(">IB")


class FrameWriter:
    """Write frames to a binary stream; each message is flushed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, message: Any) -> None:
        """Send one JSON value; `Secret` and bytes travel in their wire form."""
        body = json.dumps(encode(message), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        pieces = []
        while len(body) > JSON_LIMIT:
            pieces.append(_HEADER.pack(JSON_LIMIT, ord("P")) + body[:JSON_LIMIT])
            body = body[JSON_LIMIT:]
        pieces.append(_HEADER.pack(len(body), ord("J")) + body)
        self._stream.write(b"".join(pieces))
        self._stream.flush()

    def send_data(self, piece: bytes) -> None:
        """Send one piece of a blob, at most 64 KiB; an empty piece ends the blob."""
        self._stream.write(_HEADER.pack(len(piece), ord("D")) + piece)
        self._stream.flush()


class FrameReader:
    """Read frames from a binary stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def receive(self) -> Any:
        """Return the next JSON value.

        Raises:
            EOFError: the other side closed the channel between frames.
            HostError: what came is not a frame (`frame-broken`).
        """
        parts = []
        size = 0
        while True:
            kind, body = self._frame()
            if kind not in "JP":
                raise HostError("frame-broken", detail="unexpected %r frame" % kind)
            parts.append(body)
            size += len(body)
            if size > MESSAGE_LIMIT:
                raise HostError("frame-broken", detail="message over %d bytes" % MESSAGE_LIMIT)
            if kind == "J":
                try:
                    return decode(json.loads(b"".join(parts).decode("utf-8", "surrogatepass")))
                except ValueError as error:
                    raise HostError("frame-broken", detail=str(error)) from error

    def receive_data(self) -> bytes:
        """Return the next piece of a blob; empty at its end."""
        kind, body = self._frame()
        if kind != "D":
            raise HostError("frame-broken", detail="unexpected %r frame" % kind)
        return body

    def _frame(self) -> Tuple[str, bytes]:
        header = self._exactly(_HEADER.size, at_start=True)
        length, kind = _HEADER.unpack(header)
        if length > JSON_LIMIT or chr(kind) not in "JPD":
            # Usually a login banner or a shell's message where the agent should be.
            raise HostError("frame-broken", detail=repr(header.decode("latin-1")))
        return chr(kind), self._exactly(length, at_start=False)

    def _exactly(self, length: int, at_start: bool) -> bytes:
        pieces = []
        missing = length
        while missing:
            piece = self._stream.read(missing)
            if not piece:
                if at_start and missing == length:
                    raise EOFError
                raise HostError("frame-broken", detail="channel closed inside a frame")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)
