"""How long it will take: told before, and learned from what it took."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import branch, show

from guiwei.history.database import History
from guiwei.history.durations import known_durations, note_durations
from guiwei.model.plan import HostPlan, Plan, Stage, Step
from guiwei.model.run import StepResult
from guiwei.report.as_json import to_json
from guiwei.report.durations import expected, host_seconds, kinds_taken, span, stage_seconds, usual_seconds
from guiwei.report.plan_view import plan_view
from guiwei.report.words import Words

INSTANCE = "91996731333271677W.0"


def step(identity: str, name: str, module: str = "ini", risk: str = "ordinary") -> Step:
    return Step(identity, identity, module, name, {}, {"value": "1"}, instance=INSTANCE, risk=risk)


STEPS = (
    step(f"{INSTANCE}/service[name=lantai {INSTANCE}]@stop@1", "stop", "service"),
    step(f"{INSTANCE}/backup[label={INSTANCE}]@1", "backup", "backup"),
    step(f"{INSTANCE}/package[name=lantai]@1", "lantai-3.0.0.tar.gz", "package", "data"),
    step(f"{INSTANCE}/service[name=lantai {INSTANCE}]@start@1", "start", "service"),
    step(f"{INSTANCE}/activation@1", "activate", "command"),
    step(f"{INSTANCE}/ini[path=/a/b [1].ini,section=开票,option=限额]", "limit"),
)
KINDS = ["service:stop", "backup", "package", "service:start", "activate", "ini"]
PERSON = Step("person[do=log in]", "person[do=log in]", "person", "log in", {"do": "log in"}, None)


def plan(known: dict[str, float]) -> HostPlan:
    host = HostPlan("pc1", "differs", (Stage(1, "upgrade", STEPS[:4], INSTANCE), Stage(2, "converge", STEPS[4:])))
    return expected(host, known)


def test_what_is_usual_until_something_is_known() -> None:
    host = plan({})
    assert list(host.expected.values()) == [usual_seconds(kind) for kind in KINDS]
    assert stage_seconds(host, host.stages[0]) == sum(map(usual_seconds, KINDS[:4]))
    assert host_seconds(host) == sum(map(usual_seconds, KINDS))


def test_what_was_measured_counts(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db")
    assert known_durations(history) == {}
    assert not history.exists()
    took = [StepResult(each.id, "changed", each.name, INSTANCE, seconds=number) for number, each in enumerate(STEPS, 1)]
    took += [StepResult(STEPS[1].id, status, "backup", seconds=999.0) for status in ("failed", "unchanged", "waiting")]
    note_durations(history, kinds_taken(took))
    known = known_durations(history)
    assert known == dict(zip(KINDS, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), strict=True))
    assert host_seconds(plan(known)) == 21.0


@given(st.lists(st.floats(0.01, 3600.0), min_size=1, max_size=60))
def test_the_mean_lies_among_what_was_measured(taken: list[float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "history.db")
        for seconds in taken[:3]:
            note_durations(history, [("backup", seconds)])
        note_durations(history, [("backup", seconds) for seconds in taken[3:]])
        known = known_durations(history)["backup"]
    assert min(taken) - 1e-6 <= known <= max(taken) + 1e-6
    if len(taken) <= 20:
        assert known == pytest.approx(sum(taken) / len(taken))


def test_a_new_version_that_is_slower_is_soon_believed(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db")
    note_durations(history, [("service:start", 1.0)] * 500)
    note_durations(history, [("service:start", 60.0)] * 40)
    assert known_durations(history)["service:start"] > 45


def test_what_people_do_has_no_time() -> None:
    host = expected(HostPlan("pc1", "waiting", (Stage(1, "converge", (PERSON, STEPS[5])),)), {})
    assert list(host.expected) == [STEPS[5].id]


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.2, "about 10 s", "约 10 秒"),
        (41, "about 50 s", "约 50 秒"),
        (90, "about 2 min", "约 2 分钟"),
        (3541, "about 1 h", "约 1 小时"),
        (4800, "about 1 h 20 min", "约 1 小时 20 分钟"),
        (7199, "about 2 h", "约 2 小时"),
    ],
)
def test_people_say_it_roughly(seconds: float, english: str, chinese: str) -> None:
    assert (span(seconds, Words("en")), span(seconds, Words("zh"))) == (english, chinese)


def shown(*hosts: HostPlan, lang: str = "en") -> list[str]:
    return show(plan_view(Plan("p1", "site.yml", "2026-11-24 03:40", hosts, "00" * 32), Words(lang))).splitlines()


def test_the_plan_says_it_for_each_host_and_stage() -> None:
    lines = shown(plan({}))
    (host,) = [line for line in lines if line.startswith("pc1")]
    assert host.endswith("about 3 min  differs")
    assert [line.split()[-3:] for line in lines if line.startswith(("  1  ", "  2  "))] == [
        ["about", "2", "min"],
        ["about", "20", "s"],
    ]
    told = to_json(plan({}), Words("en"))
    assert told["expected_seconds"] == sum(stage["expected_seconds"] for stage in told["stages"])


def test_hosts_with_one_difference_are_still_told_once() -> None:
    hosts = [expected(branch(f"pc{number}", f"9199673133327167{number}.0"), {}) for number in range(1, 6)]
    assert sum(1 for line in shown(*hosts) if "about" in line and "differs" in line) == 1


@pytest.mark.parametrize(
    ("steps", "english", "chinese"),
    [
        (STEPS[5:], "a finance clerk may do it alone", "财务人员可自行执行"),
        (STEPS, "1 of these steps touches data", "其中 1 步涉及数据"),
    ],
)
def test_who_may_do_it(steps: tuple[Step, ...], english: str, chinese: str) -> None:
    host = HostPlan("pc1", "differs", (Stage(1, "converge", steps),))
    for lang, words in (("en", english), ("zh", chinese)):
        assert words in shown(host, lang=lang)[-2]
