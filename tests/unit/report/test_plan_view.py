from __future__ import annotations

from dataclasses import replace

import pytest
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import PLANS, SECRET
from report_samples import OTHER, PASSWORD, TAXPAYER, branch, files_host, limit_step, rich_plan, show

from guiwei.model.plan import Change, HostPlan, InstancePlan, Plan, Stage
from guiwei.report.plan_view import plan_view
from guiwei.report.words import Words
from guiwei.target.secret import MASK, Secret


def plan_of(*hosts: HostPlan) -> Plan:
    return Plan("p1", "site.yml", "2026-11-24 03:40", hosts, "00" * 32)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_rich_plan_looks_as_it_did(lang: str) -> None:
    check_golden(f"plan-{lang}.txt", show(plan_view(rich_plan(), Words(lang))))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_secrets_are_masks_everywhere(lang: str) -> None:
    shown = show(plan_view(rich_plan(), Words(lang)))
    assert PASSWORD not in shown
    assert shown.count(MASK) == 3


def test_two_hundred_hosts_with_one_difference_are_told_once() -> None:
    hosts = tuple(branch(f"pc{number:03}.branch", f"{TAXPAYER}.{number}") for number in range(1, 201))
    shown = show(plan_view(plan_of(*hosts), Words("en")))
    assert shown.count("9999.99 → 99999.99") == 1
    assert "pc[001:200].branch" in shown
    assert "200 hosts differ: 1000 changes." in shown
    assert len(shown.splitlines()) < 50


def test_a_host_that_needs_something_else_is_told_apart() -> None:
    odd = replace(limit_step(f"{TAXPAYER}.2"), changes=(Change("value", "1.00", "99999.99"),))
    hosts = [branch(f"pc{number}", f"{TAXPAYER}.{number}") for number in range(1, 6)]
    hosts[2] = replace(hosts[2], stages=(Stage(1, "converge", (odd,)),))
    shown = show(plan_view(plan_of(*hosts), Words("en")))
    assert "pc1, pc2, pc4, pc5" in shown
    assert "1.00 → 99999.99" in shown


def test_secrets_that_differ_do_not_tell_hosts_apart() -> None:
    def host(name: str, secret: str) -> HostPlan:
        step = replace(limit_step(f"{TAXPAYER}.0"), changes=(Change("value", None, Secret(secret)),))
        return HostPlan(name, "differs", (Stage(1, "converge", (step,)),))

    assert "pc[1:3]" in show(plan_view(plan_of(host("pc1", "a"), host("pc2", "b"), host("pc3", "c")), Words("en")))


def test_one_taxpayer_is_named_by_itself_and_many_by_their_role() -> None:
    one = show(plan_view(plan_of(branch("pc1", f"{TAXPAYER}.0")), Words("en")))
    two = show(plan_view(plan_of(branch("pc1", f"{TAXPAYER}.0"), branch("pc2", f"{OTHER}.0")), Words("en")))
    assert f"Back up {TAXPAYER}.0" in one
    assert "Back up ‹instance›" in two
    assert TAXPAYER not in two


def test_nothing_to_change_is_one_sentence() -> None:
    hosts = [HostPlan(f"pc{number}", "unchanged") for number in range(4)]
    assert show(plan_view(plan_of(*hosts), Words("en"))).splitlines()[-1] == "Nothing to change."
    assert show(plan_view(plan_of(*hosts), Words("zh"))).splitlines()[-1] == "无需变更。"


def test_one_host_and_one_change_are_singular() -> None:
    step = limit_step(f"{TAXPAYER}.0")
    shown = show(plan_view(plan_of(HostPlan("pc1", "differs", (Stage(1, "converge", (step,)),))), Words("en")))
    assert shown.splitlines()[-1] == "1 host differs: 1 change."


def test_a_host_that_could_not_be_looked_at_is_not_called_unchanged() -> None:
    shown = show(plan_view(plan_of(HostPlan("pc1", "unreachable")), Words("en")))
    assert shown.splitlines()[-1] == "Nothing will be changed. 1 host unreachable."


def test_types_that_differ_are_seen() -> None:
    shown = show(plan_view(plan_of(files_host()), Words("en")))
    assert 'row.count: 5 → "5"' in shown
    assert '"" → " padded "' in shown


def test_a_long_difference_is_cut() -> None:
    old, new = ("\n".join(f"{sign}{number}" for number in range(300)) for sign in "ab")
    step = replace(limit_step(f"{TAXPAYER}.0"), changes=(Change("content", old, new),))
    shown = show(plan_view(plan_of(HostPlan("pc1", "differs", (Stage(1, "converge", (step,)),))), Words("en")))
    assert "… 589 more" in shown
    assert len(shown.splitlines()) < 30


def test_line_ends_alone_are_told_in_words() -> None:
    step = replace(limit_step(f"{TAXPAYER}.0"), changes=(Change("content", "a\r\nb\r\n", "a\nb\n"),))
    shown = show(plan_view(plan_of(HostPlan("pc1", "differs", (Stage(1, "converge", (step,)),))), Words("en")))
    assert "only the line ends differ" in shown


def test_a_value_cannot_act_on_the_terminal() -> None:
    step = replace(limit_step(f"{TAXPAYER}.0"), name="a\x1b[2Jb", changes=(Change("value", "\x1b]0;x\x07", "a\rb"),))
    host = HostPlan("pc\x1b1", "differs", (Stage(1, "converge", (step,)),), (InstancePlan("i\x9b", "pending"),))
    shown = show(plan_view(plan_of(host, host), Words("en")))
    assert not {"\x1b", "\x07", "\r", "\x9b"} & set(shown)


@given(PLANS, st.sampled_from(["en", "zh"]), st.sampled_from([20, 60, 100, 160]))
@settings(max_examples=40, deadline=None)
def test_any_plan_is_shown_without_its_secrets(plan: Plan, lang: str, width: int) -> None:
    shown = show(plan_view(plan, Words(lang)), width)
    assert SECRET not in shown.replace("\n", "")
    assert plan.key not in shown
    shown.encode("utf-8")
