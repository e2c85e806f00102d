"""The steps of one host's plan as lines, with names that differ from PC to PC replaced by their role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from rich.cells import cell_len
from rich.text import Text

from guiwei.errors import Place
from guiwei.model.plan import Change, Condition, HostPlan, InstancePlan, Mismatch, Stage, Step
from guiwei.report._changes import ChangeLines
from guiwei.report._text import clean, shorten
from guiwei.report.console import STATUS_STYLES, Line, ink
from guiwei.report.durations import span, stage_seconds
from guiwei.report.problem import render_error
from guiwei.report.words import Words, catalogue_codes

__all__ = ["StepLines", "aliases", "count_steps", "kind_of"]

#: The pseudo-field of a difference in existence; the step's sign says it.
_PRESENCE = "state"
_NAME_WIDTH = 24

SIGNS: Mapping[str, tuple[str, str]] = {
    "add": ("+", "gw.add"),
    "change": ("~", "gw.change"),
    "remove": ("-", "gw.remove"),
    "run": ("*", "gw.run"),
    "maybe": ("?", "gw.maybe"),
    "person": ("☞", "gw.warn"),
}

_IDENTITY = re.compile(r"(?:[^/\[]*:[^\[]*/)?([a-z][a-z0-9_]*)(?:\[(.*)\])?(?:@[0-9]+)?\Z", re.DOTALL)
_KEY = re.compile(r"(?:^|,\s*)([a-z_][a-z0-9_]*)=")


def kind_of(step: Step) -> str:
    """Return `add`, `change`, `remove`, `run` (nothing to compare), `maybe` (known after a stage) or `person`."""
    if step.by_hand:
        return "person"
    if step.always:
        return "run"
    if step.known_after is not None or step.when_changed is not None:
        return "maybe"
    if step.state is None:
        return "remove"
    for change in step.changes:
        if change.field == _PRESENCE and change.before == "absent":
            return "add"
    return "change"


def count_steps(steps: Iterable[Step]) -> Counter[str]:
    """Return how many steps there are of each kind."""
    return Counter(kind_of(step) for step in steps)


def aliases(host: HostPlan, words: Words) -> Callable[[str], str]:
    """Return a function that replaces the host's instances and taxpayers by their role.

    Two PCs that need the same then read the same, though each keeps its own taxpayer in names and paths.
    """
    replacements: list[tuple[str, str]] = []
    for number, instance in enumerate(host.instances, start=1):
        suffix = f" {number}" if len(host.instances) > 1 else ""
        replacements.append((instance.id, f"‹{words.say('view-instance')}{suffix}›"))
        taxpayer = instance.id.partition(".")[0]
        if len(taxpayer) >= 15 and taxpayer != instance.id:
            replacements.append((taxpayer, f"‹{words.say('view-taxpayer')}{suffix}›"))
    replacements.sort(key=lambda pair: len(pair[0]), reverse=True)

    def alias(text: str) -> str:
        for name, role in replacements:
            text = text.replace(name, role)
        return text

    return alias


class StepLines:
    """Turn what one host needs into lines.

    Args:
        alias: from `aliases`, or one that changes nothing where the names themselves are wanted.
    """

    def __init__(self, words: Words, alias: Callable[[str], str]) -> None:
        self._words = words
        self._alias = alias
        self._changes = ChangeLines(words, alias)

    def body(self, host: HostPlan) -> Iterator[Line | Text]:
        """Yield the lines of a host: its error, its instances as far as they differ from it, its stages."""
        if host.error:
            yield Line(render_error(host.error, self._words), indent=2)
        for instance in host.instances:
            yield from self._instance(instance, host)
        if host.not_compared:
            told = self._words.say("view-not-compared", fields=", ".join(host.not_compared))
            yield Line(ink(told, "gw.muted"), indent=2)
        names = {step.id: self._name(step) for step in host.steps}
        several = len(host.instances) > 1
        for stage in host.stages:
            if not stage.steps:
                continue
            headed = len(host.stages) > 1 or stage.versions is not None
            if headed:
                yield Text("")
                yield self._stage(stage, several, stage_seconds(host, stage))
            for step in stage.steps:
                for line in self._step(step, names, several and stage.instance is None):
                    line.indent += 4 if headed else 2
                    yield line

    def _instance(self, instance: InstancePlan, host: HostPlan) -> Iterator[Line | Text]:
        alone = len(host.instances) == 1 and instance.status == host.status
        if not alone:
            left = ink(f"{self._alias(clean(instance.id))}", "gw.strong")
            if instance.product:
                left.append(f"  {clean(instance.product)}", style="gw.muted")
            status = ink(self._words.say(f"status-{instance.status}"), STATUS_STYLES[instance.status])
            yield Line(left, status, indent=2)
        device = instance.facts.get("device") or {}
        if device.get("kind") and host.stages:
            told = f"{device['kind']} {device.get('usb', '')}".strip()
            yield Line(ink(self._words.say("view-device", device=clean(told)), "gw.muted"), indent=4)
        if instance.error and instance.error is not host.error:
            yield Line(self._aliased(render_error(instance.error, self._words)), indent=4)
        for mismatch in instance.mismatches:
            yield from self._mismatch(mismatch)
        loud = any(stage.steps for stage in host.stages) or not all(each.ok for each in instance.conditions)
        for condition in instance.conditions if loud else ():
            yield from self._condition(condition)

    def _mismatch(self, mismatch: Mismatch) -> Iterator[Line | Text]:
        name = self._words.label(mismatch.label, mismatch.field)
        yield Line(ink("✗ ", "gw.bad").append(name, style="gw.strong"), self._place(mismatch.place), indent=4)
        sides = (
            (self._words.say("mismatch-wanted"), self._changes.value(mismatch.wanted, mismatch.found)),
            (self._words.say(f"mismatch-found-{mismatch.kind}"), self._changes.value(mismatch.found, mismatch.wanted)),
        )
        width = max(cell_len(side) for side, _ in sides)
        for side, value in sides:
            told = ink(side + " " * (width - cell_len(side) + 2), "gw.muted").append(value, style="gw.strong")
            yield Line(told, indent=6, hang=width + 2)
        yield Line(ink("→ ", "gw.muted").append(self._words.say(f"mismatch-why-{mismatch.kind}")), indent=6)

    def _condition(self, condition: Condition) -> Iterator[Line]:
        """What is wanted and found; of what is met, only what does not differ from look to look: an age."""
        if condition.ok and condition.field.startswith("endpoints."):
            return
        name = self._words.label(condition.label, condition.field)
        word = condition.field.rpartition(".")[2]
        unit = self._catalogued(f"condition-{word.replace('_', '-')}", word)
        wanted, found = (self._changes.value(side) for side in (condition.wanted, condition.found))
        told = self._words.say("condition-told", unit=unit, wanted=wanted, found=found)
        left = ink("✓ " if condition.ok else "✗ ", "gw.good" if condition.ok else "gw.bad")
        left.append(name, style="gw.strong").append(f"  {told}", style="gw.muted")
        yield Line(left, self._source(condition.place, condition.origin, condition.policy), indent=4, hang=6)
        if condition.error is not None:
            yield Line(self._aliased(render_error(condition.error, self._words)), indent=6)

    def _stage(self, stage: Stage, several: bool, seconds: float | None) -> Line:
        left = ink(f"{stage.number}", "gw.muted").append("  ")
        left.append(self._words.say(f"stage-{stage.title}"), style="gw.strong")
        if stage.versions:
            left.append(f"  {clean(stage.versions[0])}", style="gw.remove").append(" → ", style="gw.muted")
            left.append(clean(stage.versions[1]), style="gw.add")
        if stage.instance and several:
            left.append(f"  {self._alias(clean(stage.instance))}", style="gw.muted")
        told = None if seconds is None else ink(span(seconds, self._words), "gw.muted")
        return Line(left, told, indent=2, hang=3)

    def _step(self, step: Step, names: Mapping[str, str], with_instance: bool) -> Iterator[Line]:
        sign, style = SIGNS[kind_of(step)]
        left = ink(f"{sign} ", style).append(self._name(step))
        resource = self._resource(step)
        if resource and resource != self._name(step) and not step.by_hand:
            left.append("  ").append(resource, style="gw.muted")
        if with_instance and step.instance:
            left.append(f"  {self._alias(clean(step.instance))}", style="gw.muted")
        lines = list(self._person_lines(step) if step.by_hand else self._change_lines(step))
        yield Line(left, self._risk(step, with_source=not lines), hang=4)
        yield from lines
        notes = self._notes(step, names)
        if notes:
            yield Line(ink(notes, "gw.muted"), indent=2)

    def _person_lines(self, step: Step) -> Iterator[Line]:
        """What a person is to do, and what must show it."""
        wanted, evidence = step.reading.get("do"), step.reading.get("evidence")
        source = self._source(step.place, step.origin)
        if wanted and wanted != step.name:
            yield Line(Text(self._alias(clean(str(wanted)))), source, indent=2)
        if evidence:
            yield Line(ink(self._words.say("waiting-evidence", evidence=evidence), "gw.muted"), indent=2)

    def _change_lines(self, step: Step) -> Iterator[Line]:
        # Presence is what the sign says, and "done" tells nothing of an action but that it runs.
        shown = [change for change in step.changes if change.field not in (_PRESENCE, "done")]
        labels = [self._field(change, step) for change in shown]
        width = min(max((cell_len(label) for label in labels), default=0), _NAME_WIDTH)
        for change, label in zip(shown, labels, strict=True):
            first, *rest = self._changes.lines(self._alias(label), change.before, change.after, width)
            source = self._source(change.place or step.place, change.origin, change.policy)
            yield Line(first, self._with_cause(source, change), indent=2, hang=width + 2)
            for line in rest:
                yield Line(line, indent=2, hang=4)

    def _field(self, change: Change, step: Step) -> str:
        if step.instance and not change.label:
            return self._catalogued(f"field-{change.field.replace('_', '-')}", change.field)
        return self._words.label(change.label, change.field)

    def _catalogued(self, code: str, default: str) -> str:
        """guiwei's own steps and fields (back up, stop, data version, …) are named in the catalogue."""
        return self._words.say(code) if code in catalogue_codes() else default

    def _with_cause(self, source: Text | None, change: Change) -> Text | None:
        if change.cause == "new":
            return source
        cause = ink(self._words.say(f"cause-{change.cause}"), "gw.run")
        return cause if source is None else cause.append("  ").append_text(source)

    def _source(self, place: Place | None, origin: str, policy: str = "") -> Text | None:
        """Where a value was written; for another origin than the playbook, what kind of file that is."""
        told = self._place(place)
        if origin == "playbook":
            return told
        name = f" {clean(policy)}" if policy else ""
        word = ink(self._words.say(f"origin-{origin}") + name, "gw.place")
        return word if told is None else word.append(" ").append_text(told)

    def _place(self, place: Place | None) -> Text | None:
        if place is None:
            return None
        return ink(f"{_short_path(clean(place.file), 32)}:{place.line}", "gw.place")

    def _risk(self, step: Step, with_source: bool) -> Text | None:
        """How careful one must be, and where a step that has no differences of its own was written."""
        parts = []
        if step.risk != "ordinary":
            style = "gw.warn" if step.risk in ("data", "professional") else "gw.muted"
            parts.append(ink(self._words.say(f"risk-{step.risk}"), style))
        if step.irreversible:
            parts.append(ink("! " + self._words.say("view-irreversible"), "gw.bad"))
        source = self._source(step.place, step.origin) if with_source else None
        if source is not None:
            parts.append(source)
        return Text("  ").join(parts) if parts else None

    def _notes(self, step: Step, names: Mapping[str, str]) -> str:
        notes = []
        if step.requires:
            notes.append(self._words.say("view-backup-first", step=names.get(step.requires, step.requires)))
        if step.known_after is not None:
            notes.append(self._words.say("view-known-after", stage=step.known_after))
        if step.when_changed is not None:
            causes = [names.get(cause, self._alias(clean(cause))) for cause in step.when_changed]
            shown = causes[:3] + ([self._words.say("view-more", n=len(causes) - 3)] if len(causes) > 3 else [])
            notes.append(self._words.say("view-when-changed", steps=self._words.list(shown)))
        return " · ".join(notes)

    def _name(self, step: Step) -> str:
        if step.origin in ("guiwei", "product") and not step.label:
            return self._catalogued(f"step-{step.name}", self._alias(clean(step.name)))
        return self._alias(clean(self._words.label(step.label, step.name))) or self._resource(step)

    def _resource(self, step: Step) -> str:
        """The identity in few words: `ini …/Config/兰台.ini · 开票 · 开票限额`."""
        # The instance stands in the heading already.
        match = _IDENTITY.match(step.resource.removeprefix(f"{step.instance}/"))
        if not match:
            return self._alias(clean(shorten(step.resource, 60)))
        inside = match[2] or ""
        starts = list(_KEY.finditer(inside))
        values = [inside]
        if starts:
            ends = [start.start() for start in starts[1:]] + [len(inside)]
            values = [inside[start.end() : end] for start, end in zip(starts, ends, strict=True)]
        short = [_short_path(self._alias(clean(value)), 28) for value in values if value]
        return " ".join([match[1], " · ".join(short)]).strip()

    def _aliased(self, text: Text) -> Text:
        """An error's text keeps its styles only where no name in it changes."""
        renamed = self._alias(text.plain)
        return text if renamed == text.plain else ink(renamed, "gw.bad")


def _short_path(path: str, width: int) -> str:
    """Return a long path from its last two parts on."""
    if cell_len(path) <= width:
        return path
    parts = re.split(r"([/\\])", path)
    if len(parts) < 5:
        return shorten(path, width)
    tail = "".join(parts[-3:])
    return f"…{parts[-4]}{tail}" if cell_len(tail) <= width + 12 else shorten(parts[-1], width)
