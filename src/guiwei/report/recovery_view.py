"""How a recovery ended, in plain words: what was wrong, what cured it, how long it took, what a person must do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType

from guiwei.model.recovery import Finding, HostRecovery, InstanceRecovery, RecoveryResult, Round
from guiwei.report._changes import literal, plain
from guiwei.report._ledger import ledger_view
from guiwei.report._text import clean
from guiwei.report.console import Flush, Line, blank, ink, rule
from guiwei.report.people_view import contact_lines
from guiwei.report.problem import render_error
from guiwei.report.tables import moment, status_text
from guiwei.report.words import Words

__all__ = ["cause_text", "evidence_text", "recovery_json", "recovery_view"]


def recovery_view(result: RecoveryResult, words: Words) -> RenderableType:
    """Return a recovery's result for a console.

    Args:
        words: the language.
    """
    title = ink(words.say("run-title-recover"), "gw.head").append(f"  {clean(result.playbook)}")
    parts: list[RenderableType] = [
        Line(title, ink(f"{clean(result.run)}  {moment(result.started)}", "gw.muted")),
    ]
    if result.reason:
        parts.append(Line(ink(words.say("view-reason", reason=result.reason), "gw.muted")))
    parts.append(rule())
    for host in result.hosts:
        parts += _host(host, result.dry, words)
    return Group(*parts)


def _host(host: HostRecovery, dry: bool, words: Words) -> Iterable[RenderableType]:
    if not host.instances:
        yield blank()
        yield Line(ink(clean(host.host), "gw.head"), status_text(host.status, words))
    elif host.error:
        yield blank()
    if host.error:
        yield Line(render_error(host.error, words), indent=2)
    ledgers = {each.id: each for each in host.result.instances}
    for instance in host.instances:
        yield blank()
        name = ink(clean(host.host), "gw.head").append(f"  {clean(instance.id)}", style="gw.muted")
        yield Line(name, status_text(instance.status, words))
        yield from _instance(instance, dry, words)
        ledger = ledger_view(ledgers[instance.id], words) if instance.rounds and not dry else ()
        for part in ledger or ():
            yield Flush(part, indent=2)
    yield from contact_lines(host.result.contact, words)


def _instance(instance: InstanceRecovery, dry: bool, words: Words) -> Iterable[Line]:
    if instance.findings:
        yield Line(ink(words.say("recover-found"), "gw.strong"), indent=2)
        for finding in instance.findings:
            yield from _finding(finding, words)
    elif instance.status != "pending":
        yield Line(ink("✓ ", "gw.good").append(words.say("recover-nothing-found")), indent=2)
    if dry:
        yield from _ladder(instance, words)
    else:
        for each in instance.rounds:
            yield from _round(each, words)
    if instance.cured:
        seconds = f"{instance.seconds:.1f}"
        cured = words.say("recover-cured", rung=words.say(f"rung-{instance.cured}"), seconds=seconds)
        yield Line(ink("✓ ", "gw.good").append(cured, style="gw.strong"), indent=2)
    yield from _backups(instance, words)
    left = instance.findings if dry else instance.left
    for finding in left:
        if finding.because is None and _by_person(finding, instance, dry):
            yield Line(ink("• ", "gw.run").append(words.say(f"person-{finding.cause}")), indent=2, hang=2)
    if instance.error:
        yield Line(render_error(instance.error, words), indent=2)


def _by_person(finding: Finding, instance: InstanceRecovery, dry: bool) -> bool:
    """Whether a person must see to it: nothing was chosen for it, or what was chosen has not helped."""
    if dry:
        return not any(finding.cause in each.causes for each in instance.rounds)
    return instance.status in ("waiting", "failed")


def _finding(finding: Finding, words: Words) -> Iterable[Line]:
    sign, style = ("✗ ", "gw.bad") if finding.because is None else ("· ", "gw.muted")
    tone = "" if finding.because is None else "gw.muted"
    left = ink(sign, style).append(cause_text(finding.cause, words), style=tone)
    if finding.because is not None:
        left.append("  " + words.say("recover-because", cause=cause_text(finding.because, words)), style="gw.muted")
    yield Line(left, indent=4, hang=2)
    for line in _evidence(finding, words):
        yield Line(ink(line, "gw.muted"), indent=6, hang=2)


def _ladder(instance: InstanceRecovery, words: Words) -> Iterable[Line]:
    """Every rung, which of them would be taken first and why, and which the profile does not describe."""
    chosen = instance.rounds[0].causes if instance.rounds else {}
    if not instance.findings:
        return
    yield Line(ink(words.say("recover-ladder"), "gw.strong"), indent=2)
    for rung in instance.rungs:
        causes = [cause_text(cause, words) for cause, own in chosen.items() if own == rung]
        sign, style = ("→ ", "gw.change") if causes else ("  ", "gw.muted")
        left = ink(sign, style).append(words.say(f"rung-{rung}"), style="gw.strong" if causes else "gw.muted")
        yield Line(left, ink(words.list(causes), "gw.muted") if causes else None, indent=4)
    for rung in instance.missing:
        left = ink("  ", "gw.faint").append(words.say(f"rung-{rung}"), style="gw.faint")
        yield Line(left, ink(words.say("recover-no-rung"), "gw.faint"), indent=4)
    for each in instance.rounds:
        for step in each.steps:
            name = words.label(step.label, step.name)
            yield Line(ink("• ", "gw.muted").append(name), ink(words.say(f"risk-{step.risk}"), "gw.muted"), indent=4)


def _round(each: Round, words: Words) -> Iterable[Line]:
    head = ink(words.say("recover-round", number=each.number), "gw.muted")
    head.append("  ").append(words.say(f"rung-{each.rung}"), style="gw.strong")
    if each.causes:
        head.append("  " + words.list(cause_text(cause, words) for cause in each.causes), style="gw.muted")
    outcome = ink("✓ ", "gw.good") if each.well else ink("✗ ", "gw.bad")
    yield Line(head, outcome.append(f"{each.seconds:.1f} s", style="gw.muted"), indent=2)
    for result in each.results:
        if result.status == "skipped":
            continue
        good = result.status in ("changed", "unchanged")
        left = ink("✓ " if good else "✗ ", "gw.good" if good else "gw.bad").append(clean(result.name))
        yield Line(left, ink(f"{result.seconds:.1f} s", "gw.muted"), indent=4)
        if result.error:
            yield Line(render_error(result.error, words), indent=6)


def _backups(instance: InstanceRecovery, words: Words) -> Iterable[Line]:
    if instance.saved:
        yield Line(ink(words.say("recover-saved", backup=str(instance.saved.get("backup"))), "gw.muted"), indent=2)
    if instance.backup:
        made = moment(str(instance.backup.get("made")))
        told = words.say("recover-restored", backup=str(instance.backup.get("backup")), made=made)
        yield Line(ink(told, "gw.warn"), indent=2)


def cause_text(cause: str, words: Words) -> str:
    """Return a cause in words."""
    return words.say(f"cause-{cause}")


def evidence_text(finding: Finding, words: Words) -> str:
    """Return what shows a finding on one line."""
    return words.list(_evidence(finding, words))


def _evidence(finding: Finding, words: Words) -> list[str]:
    lines = []
    for name, value in finding.evidence.items():
        if name == "wrong":
            lines += [_wrong(each, words) for each in value]
        else:
            lines.append(words.say(f"evidence-{name}", value=_shown(value, words)))
    return lines


def _wrong(each: Mapping[str, Any], words: Words) -> str:
    label = words.label(each["label"], str(each["parameter"]))
    return words.say(
        "evidence-parameter", label=label, found=_shown(each["found"], words), wanted=_shown(each["wanted"], words)
    )


def _shown(value: Any, words: Words) -> str:
    if isinstance(value, (list, tuple)):
        return words.list(value)
    return clean(value) if isinstance(value, str) else literal(value, words)


def recovery_json(result: RecoveryResult, words: Words) -> dict[str, Any]:
    """Return a recovery as plain JSON, secrets masked."""
    from guiwei.report.as_json import to_json

    return {
        "run": result.run,
        "command": "recover",
        "playbook": result.playbook,
        "reason": result.reason,
        "started": result.started,
        "finished": result.finished,
        "dry_run": result.dry,
        "hosts": [
            {
                "host": host.host,
                "status": host.status,
                "seconds": host.seconds,
                "error": to_json(host.error, words),
                "instances": [_instance_json(each, result.dry, words) for each in host.instances],
                "result": to_json(host.result, words),
            }
            for host in result.hosts
        ],
    }


def _instance_json(instance: InstanceRecovery, dry: bool, words: Words) -> dict[str, Any]:
    from guiwei.report.as_json import to_json

    return {
        "id": instance.id,
        "status": instance.status,
        "product": instance.product,
        "findings": [_finding_json(each, words) for each in instance.findings],
        "left": [_finding_json(each, words) for each in instance.left],
        "rounds": [
            {
                "number": each.number,
                "rung": each.rung,
                "causes": dict(each.causes),
                "steps": [to_json(step, words) for step in each.steps],
                "results": [to_json(step, words) for step in each.results],
                "seconds": each.seconds,
                "well": each.well,
                "left": list(each.left),
            }
            for each in instance.rounds
        ],
        "rungs": list(instance.rungs),
        "missing": list(instance.missing),
        "cured": instance.cured,
        "seconds": instance.seconds,
        "backup": plain(instance.backup),
        "saved": plain(instance.saved),
        "person": [
            words.say(f"person-{each.cause}")
            for each in (instance.findings if dry else instance.left)
            if each.because is None and _by_person(each, instance, dry)
        ],
        "error": to_json(instance.error, words),
    }


def _finding_json(finding: Finding, words: Words) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "words": cause_text(finding.cause, words),
        "evidence": plain(finding.evidence),
        "because": finding.because,
    }
