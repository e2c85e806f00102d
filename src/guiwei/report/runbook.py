"""A playbook as a procedure for a person: what to collect, steps, expected screens, durations, whom to call, what if.

It says the same as the plan would, in the order in which guiwei would do it, for the day on which guiwei cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.model.playbook import Play, Task
from guiwei.model.product import Parameter, Product, Reading
from guiwei.report._changes import literal, plain
from guiwei.report.document import Block, Document, Grid, Heading, Items, Para, StepBlock
from guiwei.report.durations import BY_HAND, span
from guiwei.report.words import Words, catalogue_codes

__all__ = ["Procedure", "Site", "runbook"]


@dataclass(frozen=True)
class Site:
    """One taxpayer's client on one PC, as the inventory knows it.

    Attributes:
        values: instance field → value; no secrets.
        contact: whom to call.
        wanted: dotted path of `state:` → value, rendered as far as that is possible without the PC.
    """

    host: str
    values: Mapping[str, Any] = field(default_factory=dict)
    contact: Mapping[str, Any] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Procedure:
    """One play, and what is known besides.

    Attributes:
        sites: empty where no inventory was given.
        edges: version, next version, and whether the client must be activated again, on all ways to the wanted one.
        cures: cause of a failure → rungs that cure it, of the product's own causes.
        texts: reference in the profile → what it stands for, as far as that is known without the PC.
    """

    play: Play
    product: Product | None
    sites: tuple[Site, ...] = ()
    edges: tuple[tuple[str, str, bool], ...] = ()
    cures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def runbook(procedures: tuple[Procedure, ...], words: Words) -> Document:
    """Return the document; several plays follow one another."""
    blocks: list[Block] = []
    total = 0
    for procedure in procedures:
        part = _Part(procedure, words)
        body = list(part.blocks(heading=len(procedures) > 1))
        total += part.minutes
        blocks += body
    about = words.say("runbook-about", time=span(total * 60, words))
    title = words.say("runbook-title", name=words.list(each.play.name or each.play.hosts for each in procedures))
    return Document(title, about, (*blocks, *_emergency(procedures, words)))


class _Part:
    """The procedure of one play."""

    def __init__(self, procedure: Procedure, words: Words) -> None:
        self._all = procedure
        self._play = procedure.play
        self._product = procedure.product
        self._words = words
        self._say = words.say
        self._number = 0
        self.minutes = 0

    def blocks(self, heading: bool) -> Iterator[Block]:
        """Yield everything of this play."""
        if heading:
            yield Heading(self._play.name)
        yield from self._head()
        yield from self._contacts()
        yield Heading(self._say("runbook-collect"), 3 if heading else 2)
        yield Items(tuple(self._collect()), check=True)
        if self._product and self._all.sites:
            yield self._sites(self._product)
        yield Heading(self._say("runbook-steps"), 3 if heading else 2)
        yield from self._steps()

    # What comes before the steps

    def _head(self) -> Iterator[Block]:
        if self._play.reason:
            yield Para(self._say("view-reason", reason=self._play.reason), "muted")
        if self._product:
            title = self._words.label(self._product.title, self._product.name)
            yield Para(self._say("runbook-client", title=title), "muted")
            if not self._product.verified:
                yield Para(self._say("runbook-unverified"), "warn")
        yield Para(
            self._say("runbook-who-" + ("professional" if self._careful else "clerk")),
            "warn" if self._careful else "good",
        )
        if self._careful:
            yield Para(self._say("runbook-calendar"), "warn")

    @property
    def _careful(self) -> bool:
        """Whether anything here is more than ordinary parameters."""
        wanted = [path for path, _ in _leaves(self._play.state)]
        risky = {".".join(each.path) for each in self._parameters() if each.risk != "ordinary"}
        return bool(self._all.edges or risky & set(wanted) or any(path.startswith("drivers.") for path in wanted))

    def _contacts(self) -> Iterator[Block]:
        yield Heading(self._say("runbook-contacts"))
        rows = [
            (site.host, *(str(plain(site.contact.get(name, ""))) for name in ("name", "phone")), _more(site.contact))
            for site in {site.host: site for site in self._all.sites}.values()
        ]
        blank = (self._say("runbook-provider"), "", "", "")
        columns = ("column-host", "runbook-name", "runbook-phone", "runbook-more")
        yield Grid(tuple(map(self._say, columns)), (*(rows or [("", "", "", "")]), blank))

    def _collect(self) -> Iterator[str]:
        self.minutes += BY_HAND["collect"]
        yield self._say("runbook-collect-approval")
        if self._product is None:
            return
        for each in self._product.fields:
            yield self._words.label(each.label, each.name)
        given = {name for action in self._given() for name in action.given}
        yield self._say("runbook-collect-disk")
        for name in sorted(given):
            code = f"runbook-collect-{name.replace('_', '-')}"
            yield self._say(code) if code in catalogue_codes() else self._say("runbook-collect-secret", name=name)
        for _, target, _ in self._all.edges:
            assert self._product.software is not None
            yield self._say("runbook-collect-file", file=self._product.software.source.replace("{version}", target))
        for driver, version in self._drivers(self._product):
            yield self._say("runbook-collect-file", file=driver.source.replace("{version}", version))
        yield self._say("runbook-collect-room")

    def _given(self) -> Iterator[Any]:
        assert self._product is not None
        wanted = {path for path, _ in _leaves(self._play.state)}
        yield from (each.write for each in self._parameters() if each.write and ".".join(each.path) in wanted)
        software = self._product.software
        if software and software.activate and any(again for _, _, again in self._all.edges):
            yield software.activate
        if self._product.issue and self._product.issue.login:
            yield self._product.issue.login

    def _sites(self, product: Product) -> Grid:
        names = [each.name for each in product.fields]
        labels = tuple(self._words.label(each.label, each.name) for each in product.fields)
        rows = tuple(
            (site.host, *(str(plain(site.values.get(name, ""))) for name in names)) for site in self._all.sites
        )
        return Grid((self._say("column-host"), *labels), rows)

    # The steps

    def _steps(self) -> Iterator[Block]:
        yield self._step("approve", self._say("runbook-approve-do"), self._say("runbook-approve-keep"))
        product = self._product
        if product is not None:
            yield self._step("disk", self._say("runbook-disk-do"), self._say("runbook-disk-compare"))
            yield self._step(
                "note", self._say("runbook-note-do"), self._say("runbook-note-unsent"), grid=self._ledger()
            )
            yield self._step("stop", self._say("runbook-stop-do"))
            yield self._backup(product)
            yield from self._software(product)
            if not self._all.edges:
                yield self._step("start", self._say("runbook-start-do"))
            yield from self._settings(product)
        for task in self._play.tasks:
            yield self._task(task)
        if product is not None:
            yield self._verify(product)
            yield self._step("reconcile", self._say("runbook-reconcile-do"))
        yield self._step("record", self._say("runbook-record-do"), self._say("runbook-record-prevent"))

    def _step(
        self,
        kind: str,
        *do: str,
        title: str = "",
        grid: Grid | None = None,
        screen: str = "",
        careful: bool = False,
        minutes: int | None = None,
    ) -> StepBlock:
        self._number += 1
        minutes = BY_HAND[kind] if minutes is None else minutes
        self.minutes += minutes
        about = [span(minutes * 60, self._words)] if minutes else []
        about.append(self._say("runbook-by-professional" if careful else "runbook-by-clerk"))
        fails = f"runbook-{kind}-fails"
        return StepBlock(
            number=self._number,
            title=title or self._say(f"runbook-{kind}"),
            about=" · ".join(about),
            do=do,
            grid=grid,
            see=self._screen(screen or kind),
            fails=self._say(fails) if fails in catalogue_codes() else "",
        )

    def _screen(self, kind: str) -> str:
        if self._product is None or kind not in self._product.screens:
            return ""
        return self._words.label(self._product.screens[kind], "")

    def _ledger(self) -> Grid:
        columns = ("column-kind", "runbook-count", "runbook-amount", "runbook-last-number", "runbook-unsent")
        kinds = next((value for path, value in _leaves(self._play.state) if path == "parameters.kinds"), None)
        rows = [str(kind) for kind in kinds] if isinstance(kinds, list) else ["", "", ""]
        return Grid(tuple(map(self._say, columns)), tuple((kind, "", "", "", "") for kind in rows))

    def _backup(self, product: Product) -> StepBlock:
        do = [self._say("runbook-backup-path", path=self._text(path)) for path in product.backup.get("paths", ())]
        places: dict[str, list[str]] = {}
        for each in product.backup.get("values", ()):
            folder, _, name = self._where(Reading(each["module"], each["with"], "")).rpartition(" · ")
            places.setdefault(folder, []).append(name)
        if places:
            told = "; ".join(f"`{folder}` {self._words.list(names)}" for folder, names in places.items())
            do.append(self._say("runbook-backup-values", places=told))
        do.append(self._say("runbook-backup-check"))
        return self._step("backup", *do, careful=self._careful)

    def _software(self, product: Product) -> Iterator[StepBlock]:
        software = product.software
        for number, (source, target, again) in enumerate(self._all.edges):
            assert software is not None
            do = [self._say("runbook-install-from", source=source, target=target)]
            if number:
                do.append(self._say("runbook-install-backup"))
            do.append(self._say("runbook-install-file", file=software.source.replace("{version}", target)))
            title = self._say("runbook-install", version=target)
            yield self._step("install", *do, title=title, careful=True)
            yield self._step("start", self._say("runbook-start-migrates", version=target), careful=True)
            if again:
                yield self._step("activate", self._say("runbook-activate-do"), careful=True)
        for driver, version in self._drivers(product):
            label = self._words.label(driver.label, driver.name)
            file = driver.source.replace("{version}", version)
            title = self._say("runbook-driver", label=label, version=version)
            yield self._step("driver", self._say("runbook-install-file", file=file), title=title, careful=True)

    def _drivers(self, product: Product) -> Iterator[tuple[Any, str]]:
        wanted = dict(_leaves(self._play.state))
        return (
            (each, str(wanted[f"drivers.{each.name}"])) for each in product.drivers if f"drivers.{each.name}" in wanted
        )

    def _parameters(self) -> tuple[Parameter, ...]:
        return self._product.parameters if self._product else ()

    def _settings(self, product: Product) -> Iterator[StepBlock]:
        wanted = dict(_leaves(self._play.state))
        known = {".".join(each.path): each for each in product.parameters}
        rows: list[tuple[str, ...]] = []
        written = []
        for path, value in wanted.items():
            parameter = known.get(path)
            if parameter is None:
                rows += self._upkeep(product, path, value)
                continue
            if parameter.write is not None:
                written.append(parameter)
                continue
            label = self._words.label(parameter.label, parameter.name)
            where = self._where(parameter.reading) if parameter.reading else self._say("runbook-on-device")
            rows.append((label, self._value(path, value), self._say(f"runbook-kind-{parameter.kind}"), where))
        if rows:
            columns = ("runbook-parameter", "column-should", "runbook-how", "runbook-where")
            grid = Grid(tuple(map(self._say, columns)), tuple(rows))
            minutes = max(BY_HAND["parameter"] * len(rows), 5)
            yield self._step("parameters", self._say("runbook-parameters-do"), grid=grid, minutes=minutes)
        for parameter in written:
            label = self._words.label(parameter.label, parameter.name)
            title = self._say("runbook-register", label=label)
            yield self._step("register", self._say("runbook-register-do"), title=title, careful=True)

    def _upkeep(self, product: Product, path: str, value: Any) -> Iterator[tuple[str, ...]]:
        """Certificates, servers, jobs and ages: what the profile calls them, and the words of `state:` below that."""
        section = path.partition(".")[0]
        if section not in ("authentication", "endpoints", "maintenance"):
            return
        named = {".".join(each.path): each.label for each in product.resources}
        named.update({f"endpoints.{each.name}": each.label for each in product.endpoints})
        label = path
        for above, words in named.items():
            if f"{path}.".startswith(f"{above}."):
                label = " ".join(filter(None, (self._words.label(words, above), path[len(above) + 1 :])))
        code = f"runbook-age-{path.rpartition('.')[2].replace('_', '-')}"
        if section == "maintenance" and code in catalogue_codes():
            label = self._say(code)
        yield label, self._value(path, value), self._say(f"runbook-kind-{section}"), "·"

    def _value(self, path: str, value: Any) -> str:
        """One value where all PCs have the same, else all of them with their PCs."""
        found: dict[str, list[str]] = {}
        for site in self._all.sites:
            found.setdefault(self._literal(site.wanted.get(path, value)), []).append(site.host)
        if not found:
            return self._literal(value)
        if len(found) == 1:
            return next(iter(found))
        return "; ".join(f"{self._words.list(hosts)}: {each}" for each, hosts in found.items())

    def _literal(self, value: Any) -> str:
        plainly = isinstance(value, (list, tuple)) and value
        return self._words.list(map(str, plain(value))) if plainly else literal(value, self._words)

    def _where(self, reading: Reading) -> str:
        parts = [
            self._text(str(item)) for name, item in reading.arguments.items() if name not in ("encoding", "newline")
        ]
        return " · ".join(parts)

    def _text(self, text: str) -> str:
        """A profile's text with what is known filled in, and the rest named in a way that people read."""
        for name, value in self._all.texts.items():
            text = text.replace("{{ " + name + " }}", value)
        for each in self._product.fields if self._product else ():
            text = text.replace("{{ instance." + each.name + " }}", f"‹{self._words.label(each.label, each.name)}›")
        return text.replace("{{ ", "‹").replace(" }}", "›")

    def _task(self, task: Task) -> StepBlock:
        given = dict(task.arguments)
        if task.module == "person":
            do = [self._text(str(given.get("do", task.name)))]
            if given.get("evidence"):
                do.append(self._say("waiting-evidence", evidence=given["evidence"]))
            return self._step("person", *do, title=task.name)
        do = [f"{name}: {self._text(literal(item, self._words))}" for name, item in given.items()]
        if task.absent:
            do.append(self._say("runbook-absent"))
        return self._step("task", *do, title=f"{task.name} ({task.module})")

    def _verify(self, product: Product) -> StepBlock:
        rows = tuple(
            (
                self._words.label(check.label, check.name),
                "; ".join(
                    f"{name.rpartition('.')[2]} = {literal(item, self._words)}" for name, item in check.expect.items()
                ),
                "",
            )
            for check in product.ready
        )
        grid = Grid(tuple(map(self._say, ("column-what", "column-should", "runbook-tick"))), rows) if rows else None
        do = [self._say("runbook-verify-do"), self._say("runbook-verify-filing")]
        if self._play.verify.get("level") == "issue":
            do.append(self._say("runbook-verify-issue"))
        return self._step("verify", *do, grid=grid)


def _emergency(procedures: tuple[Procedure, ...], words: Words) -> Iterator[Block]:
    """What to do if a step fails, and what each failure looks like."""
    yield Heading(words.say("runbook-emergency"))
    codes = ("stop", "pin", "restart", "restore", "call", "deadline")
    yield Items(tuple(words.say(f"runbook-emergency-{code}") for code in codes))
    cures: dict[str, tuple[str, ...]] = {}
    for procedure in procedures:
        cures.update(procedure.cures)
    if not cures:
        return
    rows = []
    for cause, rungs in cures.items():
        person = words.say(f"person-{cause}") if f"person-{cause}" in catalogue_codes() else "·"
        told = " → ".join(words.say(f"rung-{rung}") for rung in rungs) or "·"
        rows.append((words.say(f"cause-{cause}"), told, person))
    columns = ("runbook-wrong", "runbook-rungs", "runbook-person")
    yield Heading(words.say("runbook-causes"), 3)
    yield Para(words.say("runbook-causes-how"), "muted")
    yield Grid(tuple(map(words.say, columns)), tuple(rows))


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)))
    elif path:
        yield ".".join(path), value


def _more(contact: Mapping[str, Any]) -> str:
    return "; ".join(str(plain(item)) for name, item in contact.items() if name not in ("name", "phone"))
