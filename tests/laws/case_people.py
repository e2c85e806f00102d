"""Cases of `person`: what the PC shows of it, with and without something to look at."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation

from guiwei.modules.person import Person
from guiwei.target.contract import Resource

_READINGS: list[dict[str, Any]] = [
    {},
    {"module": "file", "with": {"path": "/run/登录"}, "field": "mode"},
    {"module": "ini", "with": {"path": "/etc/client.ini", "section": "a", "option": "激活"}, "field": "value",
     "value": "1"},
    {"module": "inquiry", "with": {"argv": ["/bin/sh", "-c", "echo '{\"data\": {\"on\": true}}'"]},
     "field": "answer.data.on", "value": True},
]  # fmt: skip


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    reading = draw(st.sampled_from(_READINGS))
    there = draw(st.booleans())

    def make(bench: Bench) -> Resource:
        bench.put("/etc/client.ini", "[a]\r\n激活=1\r\n".encode() if there else b"[a]\r\n")
        if there:
            bench.put("/run/登录", b"")
        return Person("登录证书口令并激活", done_when=reading)

    return Situation(make, None, lambda *_: None)


CASES = [Case("person", situations(), share=0.5)]
