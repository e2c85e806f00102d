"""A plan in the terminal: what every host needs, where each value was written, and how much it is in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from guiwei.model.plan import HostPlan, InstancePlan, Plan
from guiwei.model.run import STATUSES
from guiwei.report._steps import SIGNS, StepLines, aliases, count_steps
from guiwei.report._text import clean, compact
from guiwei.report.console import STATUS_STYLES, Line, blank, ink, rule
from guiwei.report.durations import host_seconds, span
from guiwei.report.tables import Column, moment, small_table
from guiwei.report.words import Words

__all__ = ["plan_view"]

#: Groups of hosts that the summary lists one by one; more are summed up by status.
_SUMMARY_ROWS = 24


@dataclass
class _Kin:
    """Hosts that need the same."""

    hosts: list[HostPlan]
    body: list[Line | Text]

    @property
    def names(self) -> tuple[str, ...]:
        return compact(host.host for host in self.hosts)


def plan_view(plan: Plan, words: Words) -> RenderableType:
    """Return a plan for a console: hosts with identical differences once, the quiet ones last, a summary.

    Args:
        words: the language.
    """
    kin = _kin(plan.hosts, words)
    parts: list[RenderableType] = [*_header(plan, words)]
    loud = [group for group in kin if group.body]
    for group in loud:
        parts += [blank(), _heading(group, words), *group.body]
    quiet = [group for group in kin if not group.body]
    if quiet:
        parts.append(blank())
        parts += [_heading(group, words) for group in quiet]
    if len(plan.hosts) > 1:
        parts += [blank(), rule(), _summary(kin, words)]
    parts += [blank(), _legend(plan, words)] if any(host.steps for host in plan.hosts) else [blank()]
    who = _who(plan.hosts, words)
    parts += [who] if who else []
    parts.append(_last_sentence(plan.hosts, words))
    return Group(*parts)


def _header(plan: Plan, words: Words) -> Iterable[RenderableType]:
    title = ink(words.say("view-plan"), "gw.head").append(f"  {clean(plan.playbook)}")
    yield Line(title, ink(f"{clean(plan.id)}  {moment(plan.created)}", "gw.muted"))
    if plan.at:
        yield Line(ink(words.say("view-at", at=plan.at), "gw.strong"))
    if plan.reason:
        yield Line(ink(words.say("view-reason", reason=plan.reason), "gw.muted"))
    yield from _policies(plan, words)
    yield from _closed(plan.hosts, words)
    yield rule()


def _policies(plan: Plan, words: Words) -> Iterable[RenderableType]:
    """The policies that hold, then those to come."""
    for policy in sorted(plan.policies, key=lambda each: not each["in_force"]):
        until = words.say("view-policy-until", until=policy["until"]) if policy["until"] else ""
        code = "view-policy" if policy["in_force"] else "view-policy-later"
        told = words.say(code, name=policy["name"], start=policy["from"], until=until)
        yield Line(ink(told, "gw.strong" if policy["in_force"] else "gw.muted"))


def _closed(hosts: Sequence[HostPlan], words: Words) -> Iterable[RenderableType]:
    """The filing deadline that risky steps wait for, once for all hosts."""
    told = {
        words.say("view-calendar" if not host.closed["override"] else "view-calendar-override", **host.closed)
        for host in hosts
        if host.closed and any(step.risk in ("data", "professional") for step in host.steps)
    }
    for line in sorted(told):
        yield Line(ink(line, "gw.warn"))


def _kin(hosts: Sequence[HostPlan], words: Words) -> list[_Kin]:
    """Group hosts whose plans read the same once their own names are replaced by roles, in order of appearance."""
    found: dict[tuple[str, ...], _Kin] = {}
    known: dict[str, _Kin] = {}
    for host in hosts:
        alias = aliases(host, words)
        # What is the same as values reads the same: lines are made once for a thousand hosts with one difference.
        values = alias(repr(_values(host)))
        if values in known:
            known[values].hosts.append(host)
            continue
        body = list(StepLines(words, alias).body(host))
        kin = found.setdefault((host.status, *(_plain(line) for line in body)), _Kin([], body))
        kin.hosts.append(host)
        known[values] = kin
    groups = list(found.values())
    for group in groups:
        named = {tuple(instance.id for instance in host.instances) for host in group.hosts}
        if len(named) == 1 and named != {()}:
            # One taxpayer alone: its real names say more than their roles.
            group.body = list(StepLines(words, lambda text: text).body(group.hosts[0]))
    order = {status: number for number, status in enumerate(_ORDER)}
    return sorted(groups, key=lambda group: order[group.hosts[0].status])


def _values(host: HostPlan) -> object:
    """All that `StepLines` shows of a host, in a form whose text tells it apart; a secret's text is its mask."""
    instances = [
        (each.id, each.status, each.product, each.error and each.error.to_wire(), each.mismatches, _unmet(each))
        for each in host.instances
    ]
    return host.status, host.error and host.error.to_wire(), instances, host.stages, host.not_compared


def _unmet(instance: InstancePlan) -> object:
    return [(each.field, each.ok, None if each.field.startswith("endpoints.") and each.ok else each.found)
            for each in instance.conditions]  # fmt: skip


#: Differences come first, for they are read at length; what could not be looked at stands nearest to the summary.
_ORDER = (
    "differs",
    "changed",
    "waiting",
    "refused",
    "failed",
    "unreachable",
    "unknown",
    "pending",
    "skipped",
    "unchanged",
)


def _plain(line: Line | Text) -> str:
    if isinstance(line, Text):
        return line.plain
    return f"{line.indent}\0{line.left.plain}\0{line.right.plain if line.right else ''}"


def _heading(group: _Kin, words: Words) -> Line:
    host = group.hosts[0]
    left = ink(clean(words.list(group.names)), "gw.head")
    if len(group.hosts) > 1:
        left.append("  " + words.count("count-hosts", len(group.hosts)), style="gw.muted")
    elif len(host.instances) == 1 and host.instances[0].status == host.status:
        left.append(f"  {clean(host.instances[0].id)}", style="gw.muted")
        if host.instances[0].product:
            left.append(f"  {clean(host.instances[0].product)}", style="gw.muted")
    right = ink(words.say(f"status-{host.status}"), STATUS_STYLES[host.status])
    seconds = host_seconds(host)
    if seconds is not None:
        right = ink(span(seconds, words) + "  ", "gw.muted").append_text(right)
    return Line(left, right)


def _summary(kin: Sequence[_Kin], words: Words) -> RenderableType:
    columns = [
        Column("column-hosts"),
        Column("column-count", right=True),
        Column("column-status"),
        Column("column-add", right=True, style="gw.add"),
        Column("column-change", right=True, style="gw.change"),
        Column("column-remove", right=True, style="gw.remove"),
        Column("column-run", right=True, style="gw.run"),
        Column("column-maybe", right=True, style="gw.maybe"),
    ]
    rows = []
    if len(kin) <= _SUMMARY_ROWS:
        for group in kin:
            counts = count_steps(step for host in group.hosts for step in host.steps)
            rows.append(_summary_row(words.list(group.names), group.hosts, counts, words))
    else:
        for status in STATUSES:
            hosts = [host for group in kin for host in group.hosts if host.status == status]
            if hosts:
                counts = count_steps(step for host in hosts for step in host.steps)
                rows.append(_summary_row("", hosts, counts, words))
    return small_table(columns, rows, words)


def _summary_row(names: str, hosts: Sequence[HostPlan], counts: Counter[str], words: Words) -> list[Text | str]:
    status = hosts[0].status
    shown = [str(counts[kind]) if counts[kind] else "·" for kind in SIGNS if kind != "person"]
    return [
        clean(names),
        str(len(hosts)),
        ink(words.say(f"status-{status}"), STATUS_STYLES[status]),
        *(ink(text, "gw.faint") if text == "·" else text for text in shown),
    ]


def _legend(plan: Plan, words: Words) -> Line:
    """The signs that this plan uses, in words."""
    used = count_steps(step for host in plan.hosts for step in host.steps)
    text = Text()
    for kind, (sign, style) in SIGNS.items():
        if used[kind]:
            text.append(f"{sign} ", style=style).append(words.say(f"legend-{kind}") + "   ", style="gw.muted")
    if any(step.irreversible for host in plan.hosts for step in host.steps):
        text.append("! ", style="gw.bad").append(words.say("view-irreversible"), style="gw.muted")
    text.rstrip()
    return Line(text)


def _who(hosts: Sequence[HostPlan], words: Words) -> Line | None:
    """Who may do it: ordinary parameters a finance clerk alone, what touches data or programs a professional."""
    steps = [step for host in hosts for step in host.steps if not step.by_hand]
    careful = sum(1 for step in steps if step.risk in ("data", "professional"))
    if not steps:
        return None
    if not careful:
        return Line(ink(words.say("plan-clerk"), "gw.muted"), hang=0)
    return Line(ink(words.count("plan-professional", careful), "gw.warn"), hang=0)


def _last_sentence(hosts: Sequence[HostPlan], words: Words) -> Line:
    statuses = Counter(host.status for host in hosts)
    counts = count_steps(step for host in hosts for step in host.steps)
    sure = sum(number for kind, number in counts.items() if kind not in ("maybe", "person"))
    if statuses["differs"]:
        text = ink(
            words.say(
                "plan-differs",
                hosts=words.count("count-hosts-differ", statuses["differs"]),
                changes=words.count("count-changes", sure),
            ),
            "gw.head",
        )
        if counts["maybe"]:
            text.append(words.gap + words.count("plan-maybe", counts["maybe"]), style="gw.muted")
    elif set(statuses) <= {"unchanged"}:
        text = ink(words.say("plan-nothing"), "gw.good")
    else:
        text = ink(words.say("plan-nothing-possible"), "gw.head")
    for status in ("waiting", "refused", "failed", "unreachable", "unknown", "pending", "skipped"):
        if statuses[status]:
            told = words.count("count-hosts-status", statuses[status], status=words.say(f"status-{status}"))
            text.append(words.gap + told, style=STATUS_STYLES[status])
    return Line(text, hang=0)
