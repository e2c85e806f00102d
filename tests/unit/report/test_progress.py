from __future__ import annotations

import io
import threading

import pytest

from guiwei.errors import GateError, UnreachableError
from guiwei.model.plan import HostPlan
from guiwei.model.run import Event, HostResult
from guiwei.report.console import make_console
from guiwei.report.progress import ProgressObserver
from guiwei.report.words import Words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(events: list[Event], file: io.StringIO, total: int = 3, lang: str = "en") -> str:
    with ProgressObserver(Words(lang), make_console(file, width=60, environ={}), total) as observer:
        for event in events:
            observer(event)
    return file.getvalue()


def life(host: str, outcome: object) -> list[Event]:
    return [
        Event("begin", host),
        Event("observed", host, {"seconds": 0.1}),
        Event("planned", host, {"steps": 2, "status": "differs"}),
        Event("stage", host, {"number": 1, "title": "converge", "versions": None}),
        Event("step", host, {"id": "ini[a]", "name": "开票限额", "status": "changed"}),
        Event("verified", host, {"instance": "A.0", "status": "changed"}),
        Event("rolled-back", host),
        Event("end", host, {"outcome": outcome}),
    ]


def test_a_file_gets_one_line_for_each_finished_host() -> None:
    events = [
        *life("pc1", HostResult("pc1", "changed", seconds=2.5)),
        *life("pc2", (HostPlan("pc2", "differs"), HostResult("pc2", "failed", seconds=1.0))),
        *life("pc3", UnreachableError("os-error")),
    ]
    lines = [line.split() for line in watched(events, io.StringIO()).splitlines()]
    assert lines[0] == ["pc1", "changed", "2.5", "s", "1/3"]
    assert lines[1] == ["pc2", "failed", "1.0", "s", "2/3"]
    assert lines[2][:2] == ["pc3", "unreachable"]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(GateError("x"), "refused"), (HostPlan("pc1", "unchanged"), "unchanged"), ({"op": "backups"}, "ok")],
)
def test_every_kind_of_outcome_has_a_status(outcome: object, status: str) -> None:
    assert f"pc1  {status}" in watched(life("pc1", outcome), io.StringIO())


def test_a_host_ends_once() -> None:
    end = Event("end", "pc1", {"status": "changed", "seconds": 1.0})
    assert len(watched([end, end, Event("step", "pc1", {"name": "late"})], io.StringIO()).splitlines()) == 1


def test_a_terminal_gets_bars_and_is_left_with_what_went_wrong() -> None:
    events = [*life("pc1", HostResult("pc1", "changed")), *life("pc2", HostResult("pc2", "failed"))]
    shown = watched(events, Terminal(), lang="zh")
    assert "全部主机" in shown
    assert "pc2  " in shown
    assert "失败" in shown
    assert "已变更" not in shown


def test_many_threads_may_tell_of_many_hosts() -> None:
    file = Terminal()
    hosts = [f"pc{number}" for number in range(60)]
    with ProgressObserver(Words("en"), make_console(file, width=80, environ={}), len(hosts), lines=4) as observer:

        def work(names: list[str]) -> None:
            for name in names:
                for event in life(name, HostResult(name, "failed", seconds=0.1)):
                    observer(event)

        threads = [threading.Thread(target=work, args=(hosts[start::6],)) for start in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finished = [line for line in file.getvalue().splitlines() if "0.1 s" in line]
    assert len(finished) == 60
    assert any("60/60" in line for line in finished)
