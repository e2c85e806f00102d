"""A bug is a traceback, on the controller or from the PC, and that shows no secret either."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator

import pytest
from scenario_bench import Result
from scenario_watch import APPLY, Watch

from guiwei.engine import host as engine_host
from guiwei.engine import planning


def break_planning(patch: pytest.MonkeyPatch) -> None:
    def broken(self: object, *_: object) -> None:
        raise RuntimeError(f"planning {self!r}")

    patch.setattr(planning._TaskPlanner, "stages", broken)


def break_the_wire(patch: pytest.MonkeyPatch) -> None:
    def broken(step: object, _key: str) -> None:
        raise ValueError(f"sending {step!r}")

    patch.setattr(engine_host, "wire_step", broken)


def break_the_frames(patch: pytest.MonkeyPatch) -> None:
    from guiwei.transport import session

    def broken(self: object, message: object, *_: object) -> None:
        raise KeyError(message)

    patch.setattr(session.Session, "_converse", broken)


@pytest.mark.parametrize("bug", [break_planning, break_the_wire, break_the_frames])
def test_a_bug_shows_no_secret(
    watch: Watch, bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    with pytest.raises((RuntimeError, ValueError, KeyError)) as caught:
        watch(*APPLY)
    text = "".join(traceback.format_exception(caught.value))
    assert "Traceback" in text
    watch.keep("traceback", Result(1, "", text))
    assert watch.leaks() == []


#: What a bug on the PC may say, in the traceback that the controller shows.
SAYINGS = {
    "state": "KeyError(state)",
    "text": "ValueError(state['content'].reveal())",
    "repr": "KeyError(state['content'].reveal())",
    "json": "ValueError(__import__('json').dumps(state['content'].reveal()))",
    "cut": "ValueError(state['content'].reveal()[4:] + 'x' * 8150)",
}


@pytest.fixture(params=SAYINGS.values(), ids=SAYINGS.keys())
def broken_agent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Send an agent whose `file` type has a bug that tells all it knows."""
    from guiwei.transport import payload

    plain = payload._sources
    before = b"        mode = state.get("

    def sources(folder: object, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, data in plain(folder, prefix):  # type: ignore[arg-type]
            if name == "guiwei/modules/file.py":
                assert before in data
                data = data.replace(before, b"        raise " + request.param.encode() + b"\n" + before)
            yield name, data

    monkeypatch.setattr(payload, "_sources", sources)
    payload._build.cache_clear()
    yield
    monkeypatch.undo()
    payload._build.cache_clear()


@pytest.mark.usefixtures("broken_agent")
def test_a_bug_on_the_pc_shows_no_secret(watch: Watch) -> None:
    result = watch(*APPLY)
    assert result.code == 5
    assert "outcome" in result.out or "got no answer" in result.out
    assert watch(*APPLY, "--json").code == 5
    assert watch.leaks() == []
