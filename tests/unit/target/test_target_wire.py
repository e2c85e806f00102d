from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import GateError, HostError, Place, ResourceError, error_from_wire
from guiwei.target.frames import DATA_LIMIT, JSON_LIMIT, FrameReader, FrameWriter
from guiwei.target.secret import MASK, Secret
from guiwei.target.wire import decode, encode

_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary(max_size=20)
    | st.builds(Secret, st.text(st.characters()))
)
_names = st.text(max_size=5) | st.sampled_from(["$secret", "$bytes", "$", "$$secret", "$$"])
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=3), max_leaves=12
)


@given(_values)
def test_whatever_is_sent_arrives(value: Any) -> None:
    stream = io.BytesIO()
    FrameWriter(stream).send(value)
    stream.seek(0)
    reader = FrameReader(stream)
    assert reader.receive() == value
    with pytest.raises(EOFError):
        reader.receive()


@given(_values)
def test_the_wire_form_is_json(value: Any) -> None:
    assert decode(json.loads(json.dumps(encode(value)))) == value


def test_a_large_message_travels_in_parts() -> None:
    stream = io.BytesIO()
    value = {"text": "税" * JSON_LIMIT}
    FrameWriter(stream).send(value)
    header = stream.getvalue()[:5]
    assert header[4:] == b"P"
    assert int.from_bytes(header[:4], "big") == JSON_LIMIT
    stream.seek(0)
    assert FrameReader(stream).receive() == value


def test_blobs_travel_in_pieces_to_an_empty_one() -> None:
    stream = io.BytesIO()
    writer = FrameWriter(stream)
    for piece in (b"x" * DATA_LIMIT, b"y", b""):
        writer.send_data(piece)
    stream.seek(0)
    reader = FrameReader(stream)
    assert [len(reader.receive_data()) for _ in range(3)] == [DATA_LIMIT, 1, 0]


@pytest.mark.parametrize(
    "data",
    [
        b"Welcome to UOS\r\n",
        b"\xff\xff\xff\xffJ",
        b"\x00\x00\x00\x05J{}",
        b"\x00\x00\x00\x02Jx}",
        b"\x00\x00\x00\x02J\xff\xfe",
        b"\x00\x00\x00\x01Dx",
    ],
)
def test_what_is_no_frame_is_said_so(data: bytes) -> None:
    with pytest.raises(HostError) as caught:
        FrameReader(io.BytesIO(data)).receive()
    assert caught.value.code == "frame-broken"


def test_errors_keep_class_code_place_and_arguments() -> None:
    error = GateError("plan-stale", Place("play.yml", 3, 5), step="s", fields=["value"])
    back = error_from_wire(json.loads(json.dumps(error.to_wire())))
    assert type(back) is GateError
    assert (back.code, back.place, back.arguments) == (error.code, error.place, error.arguments)
    assert type(error_from_wire({"class": "Popen", "code": "x"})) is HostError
    assert type(error_from_wire(ResourceError("x").to_wire())) is ResourceError


@given(st.text(min_size=4))
def test_a_secret_shows_nothing(text: str) -> None:
    secret = Secret(text)
    assert str(secret) == f"{secret}" == MASK
    assert repr([secret]) == f"[Secret({MASK})]"
    assert secret == Secret(text)
    assert secret != Secret(text + "x")
    assert secret.fingerprint(b"a") == Secret(text).fingerprint(b"a") != secret.fingerprint(b"b")
