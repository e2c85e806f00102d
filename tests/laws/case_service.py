"""Case of `service`: a small daemon of a shell and a sleep."""

from __future__ import annotations

import subprocess
from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation, Snapshot, assert_same

from guiwei.modules.service import Service
from guiwei.target.contract import Resource

PID = "/run/client.pid"

START = 'setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! > "$0"'
STOP = 'kill "$(cat "$0")"; rm -f "$0"'
STATUS = 'kill -0 "$(cat "$0" 2>/dev/null)" 2>/dev/null'


@st.composite
def service_situations(draw: st.DrawFn) -> Situation:
    runs, by_status, stops = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    state: dict[str, Any] = {"running": draw(st.booleans())}
    if state["running"] and draw(st.booleans()):
        state["restarted"] = True

    def make(bench: Bench) -> Resource:
        pid = bench.real(PID)
        bench.put("/run/other", b"1")
        bench.ignored.add(PID.lstrip("/"))
        bench.pid_files.append(pid)
        if runs:
            subprocess.run(["/bin/sh", "-c", START, pid], check=True)
        return Service(
            "client",
            start=["/bin/sh", "-c", START, pid],
            stop=["/bin/sh", "-c", STOP, pid] if stops else None,
            status=["/bin/sh", "-c", STATUS, pid] if by_status else None,
            pid_file=PID,
            timeout=10.0,
        )

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {"run"})

    return Situation(make, state, frame)


CASES = [Case("service", service_situations(), share=0.2)]
