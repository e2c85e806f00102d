"""`guiwei capture`: PCs as they are, written as a playbook that they already fulfil."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from guiwei.cli._compile import compile_host
from guiwei.cli._each_host import ask_hosts
from guiwei.cli._inputs import Inputs
from guiwei.cli._instances import instances_of
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, now
from guiwei.cli.product import product_named, product_works
from guiwei.engine.capture import Captured, capture_instance, capture_request
from guiwei.engine.captured_files import captured_file, file_reads
from guiwei.engine.host import status_of
from guiwei.engine.observation import Observation
from guiwei.engine.planning import plan_host
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError, InputError
from guiwei.model.plan import HostPlan
from guiwei.model.product import Product
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]

#: Statuses of a plan that has nothing to do.
_GOOD = ("unchanged", "pending")


@click.command("capture")
@click.option("--product", "name", help="Profile, by name or file. 产品描述的名称或文件。")
@click.option(
    "--file", "files", multiple=True, metavar="PATH", help="A file on the PC too; again for more. PC 上的文件。"
)
@click.option("--ini", "inis", multiple=True, metavar="PATH", help="An INI file on the PC, by option. INI 文件，逐项。")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the playbook here. 输出到文件。")
@selection_options
@connection_options
@common_options
def command(
    name: str | None,
    files: tuple[str, ...],
    inis: tuple[str, ...],
    out: Path | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Write what PCs are as a playbook that plans to no change; no secrets. 将 PC 现状写成剧本。"""
    if name is None and not files and not inis:
        raise InputError("capture-what")
    if out is not None and (out.exists() or not out.parent.is_dir()):
        raise InputError("capture-exists" if out.exists() else "folder-missing", folder=str(out.parent), file=str(out))
    project = Project(selection)
    product = None if name is None else product_named(name)
    asking = _Asking(project, product, name, files, inis)
    asked = ask_hosts(asking.works, asking.request, Runner(output, settings, forks))
    errors = {host: answer for host, (answer, _) in asked.items() if isinstance(answer, GuiweiError)}
    answers = {host: answer for host, (answer, _) in asked.items() if not isinstance(answer, GuiweiError)}
    text, plans = asking.proved(answers) if answers else ("", {})
    if text and out is not None:
        out.write_text(text, encoding="utf-8")
        output.say("capture-written", file=str(out))
    elif text and not output.as_json:
        sys.stdout.write(text)
    _tell(plans, errors, output)
    output.document({"playbook": text, "plans": plans, "errors": errors})
    return exit_code((*(plan.status for plan in plans.values()), *(status_of(error) for error in errors.values())))


def _tell(plans: Mapping[str, HostPlan], errors: Mapping[str, GuiweiError], output: Output) -> None:
    from guiwei.report.problem import render_error

    if output.as_json:
        return
    for host, plan in plans.items():
        if plan.status not in _GOOD:
            output.say("capture-not-so-yet", host=host)
            for why in (plan.error, *(each.error for each in plan.instances)):
                if why is not None:
                    output.side.print(render_error(why, output.words))
    for host, error in errors.items():
        output.side.print(f"{host}: ", render_error(error, output.words), sep="")


@dataclass(frozen=True)
class _Asking:
    """What is asked of every host, and what is made of the answers."""

    project: Project
    product: Product | None
    name: str | None
    files: tuple[str, ...]
    inis: tuple[str, ...]

    @property
    def works(self) -> tuple[Work, ...]:
        if self.product is None:
            return tuple(Work(host) for host in self.project.reachable_hosts)
        return product_works(self.product, self.project)

    def request(self, work: Work) -> dict[str, Any]:
        request = capture_request(work)
        for path in dict.fromkeys((*self.files, *self.inis)):
            request["reads"] += file_reads(path)
        return request

    def proved(self, answers: Mapping[str, dict[str, Any]]) -> tuple[str, dict[str, HostPlan]]:
        """Return the playbook and what it plans to; its head says whether that is nothing."""
        plans = self._plans(self._text(answers, True), answers)
        return self._text(answers, all(plan.status in _GOOD for plan in plans.values())), plans

    def _text(self, answers: Mapping[str, dict[str, Any]], good: bool) -> str:
        """Return the playbook: one play a host."""
        from guiwei.report.playbook_text import PlayText, playbook_text, said
        from guiwei.report.words import LANGUAGES, Words

        works = {work.host.name: work for work in self.works}
        plays = []
        for host, answer in answers.items():
            observation = Observation.from_answer(answer, 0.0)
            play = PlayText(host, self.product.name if self.product else None)
            captured = [capture_instance(instance, observation) for instance in works[host].instances]
            _put_state(play, captured)
            secrets = [secret for instance in works[host].instances for secret in instance.secrets.values()]
            for path in dict.fromkeys((*self.files, *self.inis)):
                for found in captured_file(path, observation, path in self.inis, secrets):
                    play.tasks.append(said(found.code, **found.arguments) if isinstance(found, GuiweiError) else found)
            plays.append(play)
        words = [Words(lang) for lang in LANGUAGES]
        sure = "capture-head-check" if good else "capture-head-differs"
        head = [told for each in words for told in (each.say("capture-head", time=now()), each.say(sure))]
        return playbook_text(plays, head)

    def _plans(self, text: str, answers: Mapping[str, dict[str, Any]]) -> dict[str, HostPlan]:
        """Plan what was written against what was read: nothing may be left to do.

        Raises:
            InputError: what was written is no playbook; that would be guiwei's own mistake.
        """
        from guiwei.language.playbook import load_playbook

        with tempfile.TemporaryDirectory(prefix="guiwei-") as folder:
            path = Path(folder, "captured.yml")
            path.write_text(text, encoding="utf-8")
            plays = {play.hosts: play for play in load_playbook(path).plays}
        inputs = Inputs(self.project.extra, self.project.groups, (), ())
        found = {}
        for work in self.works:
            if work.host.name in answers:
                play = plays[work.host.name]
                instances = instances_of(work.host, play, inputs, self.product) if self.product else ()
                wanted = compile_host(inputs, work.host, [play], [instances], {})
                observation = Observation.from_answer(answers[work.host.name], 0.0)
                # Tasks are what was read, character by character; of the clients a plan says whether all fits together.
                found[work.host.name] = plan_host(replace(wanted, declarations=()), observation)
        return found


def _put_state(play: Any, captured: list[Captured]) -> None:
    """Put the instances' states into a play: what they share as it is, what differs by instance."""
    from guiwei.report.playbook_text import Template, said

    paths = dict.fromkeys(path for each in captured for path in each.state)
    for path in paths:
        values = [each.state.get(path) for each in captured]
        if None in values:
            # A playbook cannot say it of one instance alone.
            play.left_out.append(said("capture-not-all", path=path))
            continue
        label = next((each.labels[path] for each in captured if path in each.labels), {})
        kind = next((each.kinds[path] for each in captured if path in each.kinds), None)
        play.about[path] = _about(label, kind)
        if all(value == values[0] for value in values):
            play.state[path] = values[0]
        else:
            play.state[path] = Template("{{ captured[instance.id]['" + path + "'] }}")
            for each in captured:
                play.differing.setdefault(each.instance, {})[path] = each.state[path]
    for each in captured:
        for left in each.left_out:
            why = said(left.error.code, **left.error.arguments)
            name = " ".join(dict.fromkeys(left.label.values()))
            play.left_out.append(" ".join(part for part in (each.instance, left.path, name) if part) + f": {why}")


def _about(label: Mapping[str, str], kind: str | None) -> str:
    from guiwei.report.playbook_text import said

    name = " / ".join(dict.fromkeys(label.values()))
    told = said(f"capture-kind-{kind}") if kind in ("mirrored", "asserted") else ""
    return f"{name} ({told})" if told else name
