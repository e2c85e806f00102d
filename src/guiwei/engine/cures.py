"""The steps of one climb: for every cause its rung, put together to one stage in the one order that loses nothing.

Stop the client, back it up, put back data or program, set its parameters, start it (a first start finishes a
migration, and the data's version proves it), activate it. What a rung brings about is proved by the next look.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.engine.diagnosing import Examination
from guiwei.engine.drivers import plan_drivers
from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, action_step
from guiwei.engine.upgrades import InstanceSteps
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GuiweiError, InputError, ResourceError
from guiwei.invoicing.versions import VersionGraph
from guiwei.model.plan import Change, Stage, Step
from guiwei.model.product import Product
from guiwei.target.contract import fill, identity_of
from guiwei.target.files import hash_file

__all__ = ["BY_SECRET", "PARTIAL", "Cure", "compose", "described", "lacking", "spends"]


#: Causes that a part of a backup cures: its data stay where they are.
PARTIAL = ("settings-damaged", "record-lost")

#: Causes that a program cures to which a secret is given.
BY_SECRET = ("disk-unregistered", "activation-needed")


@dataclass(frozen=True)
class Cure:
    """One stage for one client.

    Attributes:
        artifacts: sha256 → file on the controller.
        restored: the receipt of the backup that it puts back.
    """

    stage: Stage
    artifacts: Mapping[str, str] = field(default_factory=dict)
    restored: Mapping[str, Any] | None = None


def described(product: Product) -> tuple[str, ...]:
    """Return the rungs that a product's profile describes, lowest first."""
    recovery = product.recovery
    there = {
        "restart": product.service is not None,
        "settings": bool(product.parameters),
        "repair": bool(product.drivers) or (product.software is not None and product.software.package is not None),
        "reset": recovery is not None and recovery.reset_mode is not None,
        "reinstall": product.software is not None and product.software.package is not None,
        "restore": bool(product.backup),
    }
    return tuple(rung for rung, has in there.items() if has)


def lacking(exam: Examination) -> tuple[str, ...]:
    """Return the causes that only a person can see to, because no variable gives the secret."""
    instance, software = exam.instance, exam.instance.product.software
    found = []
    for parameter in instance.product.parameters:
        given = parameter.write.given if parameter.write and parameter.path[0] == "disk" else ()
        if any(instance.secrets.get(name) is None for name in given):
            found.append("disk-unregistered")
    activate = software.activate if software else None
    if activate is not None and any(instance.secrets.get(name) is None for name in activate.given):
        found.append("activation-needed")
    return tuple(found)


def compose(
    work: Work,
    exam: Examination,
    observation: Observation,
    rungs: Mapping[str, str],
    *,
    number: int,
    backup: Mapping[str, Any] | None,
    spent: Collection[str],
) -> Cure:
    """Return the stage of one climb.

    Args:
        rungs: cause → rung.
        number: of the round; it tells the steps of rounds apart.
        backup: the receipt of what a restore puts back.
        spent: resources whose secret has been tried in this run: never a second time.

    Raises:
        GuiweiError: something that it needs is missing (a package, a backup).
    """
    return _Composer(work, exam, observation, rungs, number, backup, spent).cure()


@dataclass(frozen=True)
class _Composer:
    work: Work
    exam: Examination
    observation: Observation
    rungs: Mapping[str, str]
    number: int
    backup: Mapping[str, Any] | None
    spent: Collection[str]

    def cure(self) -> Cure:
        parameters = self._parameters()
        if set(self.rungs.values()) == {"settings"} and not self._from_backup:
            # What an ordinary plan does about parameters, restart and backup included.
            made = list(self._renumbered(self.steps.settled(parameters)))
            made += self._activation()
            return Cure(self._stage(made))
        made, artifacts = [], dict[str, str]()
        if self._running:
            made.append(self._stop())
        saved = self._save(parameters)
        made += [saved] if saved else []
        if self._from_backup:
            made.append(self._restore(saved))
        whole = "restore" in self.rungs.values()
        if not whole:
            made += self._package(saved, artifacts)
        made += self._drivers(artifacts)
        if "reset" in self.rungs.values():
            made.append(self._reset())
        # After a new program or a reset the copies may be right already; the look before each write tells.
        made += [dataclasses.replace(step, guards=None, requires=None) for step in parameters.steps]
        if self.instance.product.service is not None and self._wants_running and self._startable:
            made.append(self._start())
        made += self._activation()
        return Cure(self._stage(made), artifacts, self.backup if whole else None)

    # Pieces

    @property
    def instance(self) -> InstanceWork:
        return self.exam.instance

    @property
    def steps(self) -> InstanceSteps:
        return InstanceSteps(self.work, self.instance, self.observation)

    @property
    def _running(self) -> bool:
        return bool(self.exam.signs.get("running"))

    @property
    def _from_backup(self) -> bool:
        return "restore" in self.rungs.values() or any(self.rungs.get(cause) == "settings" for cause in PARTIAL)

    def _parts(self) -> list[str]:
        """What a backup gives back where its data are not needed: settings files, or the system's record."""
        if "restore" in self.rungs.values():
            return []
        parts: list[str] = []
        recovery = self.instance.product.recovery
        if "settings-damaged" in self.rungs and recovery is not None:
            context = self.observation.context(self.instance.id)
            parts += [str(fill(path, context)) for path in recovery.settings]
        if "record-lost" in self.rungs:
            parts.append("values")
        return parts

    @property
    def _wants_running(self) -> bool:
        return bool(self.exam.signs.get("wants_running"))

    @property
    def _startable(self) -> bool:
        """Whether there is a program to start once all this is done; on an empty PC the next look tells."""
        brought = {"reinstall", "restore"} & set(self.rungs.values())
        return "pc-empty" not in self.rungs and bool(brought or self.exam.signs["there"].get("program", True))

    def _stage(self, steps: list[Step]) -> Stage:
        return Stage(self.number, "recover", tuple(steps), self.instance.id)

    def _renumbered(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """An ordinary plan numbers by its stages; two rounds of one run must not share a step's name."""
        names = {step.id: step.id.removesuffix("@1") + f"@{self.number}" for step in steps if step.id.endswith("@1")}
        return tuple(
            dataclasses.replace(
                step, id=names.get(step.id, step.id), requires=names.get(step.requires or "", step.requires)
            )
            for step in steps
        )

    def _parameters(self) -> ParameterPlan:
        """The parameters that are due, without a program whose secret was tried before or that no cause asks for."""
        plan = self.exam.parameters or ParameterPlan()
        asked = {cause for cause, rung in self.rungs.items() if rung == "settings"}
        steps = tuple(
            step
            for step in plan.steps
            if step.module != "command" or (step.resource not in self.spent and asked & {"disk-unregistered"})
        )
        return dataclasses.replace(plan, steps=steps)

    def _stop(self) -> Step:
        step = self.steps.service(f"stop@{self.number}", {"running": False}, True)
        recovery = self.instance.product.recovery
        if "process-stuck" not in self.rungs or recovery is None or recovery.unstick is None:
            return step
        # Whoever answers nothing does not hear its own stop command either: it is ended by its process id.
        forced = {name: item for name, item in step.reading.items() if name != "stop"}
        return dataclasses.replace(step, name="end", reading={**forced, "force": True, "timeout": recovery.unstick})

    def _save(self, parameters: ParameterPlan) -> Step | None:
        """Everything but a plain restart or setting touches data: a backup comes first, of a damaged database too."""
        finishing = {"migration-unfinished", "record-behind"} & set(self.rungs)
        touching = set(self.rungs.values()) - {"restart", "settings"}
        if not (touching or finishing or self._from_backup or (parameters.destructive and parameters.steps)):
            return None
        if set(self.rungs) == {"driver-outdated"} or not self.exam.signs["there"].get("data"):
            return None
        why = ", ".join(self.rungs)
        step = self.steps.backup(self.number, f"recovery: {why}", damaged=not self._ledger_reads)
        # What is broken is kept, but never put back by itself.
        note = {**step.reading["note"], "recovery": list(self.rungs)}
        return dataclasses.replace(step, reading={**step.reading, "note": note})

    @property
    def _ledger_reads(self) -> bool:
        try:
            ledger_rows(self.instance, self.observation)
        except GuiweiError:
            return False
        return "data-damaged" not in self.rungs

    def _restore(self, saved: Step | None) -> Step:
        if self.backup is None:
            raise ResourceError("recover-no-backup", instance=self.instance.id)
        reading: dict[str, Any] = {"backup": self.backup["backup"]}
        if self.backup.get("archive"):
            reading["archive"] = self.backup["archive"]
        parts = self._parts()
        if parts:
            reading["parts"] = parts
        identity = identity_of("restore", {"backup": self.backup["backup"]}, self.instance.id)
        return Step(
            id=f"{identity}@{self.number}",
            resource=identity,
            module="restore",
            name="restore",
            reading=reading,
            state={"done": True},
            changes=(Change("done", False, True, origin="guiwei"),),
            instance=self.instance.id,
            origin="guiwei",
            risk="data",
            always=True,
            requires=saved.id if saved else None,
        )

    def _drivers(self, artifacts: dict[str, str]) -> list[Step]:
        if "driver-outdated" not in self.rungs:
            return []
        plan = plan_drivers(self.work, self.instance, self.observation, newest=True)
        if not plan.steps:
            raise ResourceError("recover-no-driver", instance=self.instance.id)
        artifacts.update(plan.artifacts)
        return [dataclasses.replace(step, id=f"{step.id}@{self.number}") for step in plan.steps]

    def _package(self, saved: Step | None, artifacts: dict[str, str]) -> list[Step]:
        chosen = {rung for cause, rung in self.rungs.items() if cause != "driver-outdated"}
        if not chosen & {"repair", "reinstall"}:
            return []
        software = self.instance.product.software
        if software is None or software.package is None:
            return []
        version = self._version()
        path = self.instance.artifacts.get(version)
        if path is None:
            name = software.source.replace("{version}", version)
            raise InputError("artifact-missing", software.place, file=name, version=version)
        sha256 = hash_file(path)
        artifacts[sha256] = path
        identity = identity_of("package", {"name": software.package["name"]}, self.instance.id)
        # What is there is replaced in one go, and only by a package that is whole: never removed before.
        state = {"version": version, "sha256": sha256, "reinstalled": True}
        there = self.exam.signs["there"].get("program")
        install = Step(
            id=f"{identity}@{self.number}",
            resource=identity,
            module="package",
            name=software.source.replace("{version}", version),
            reading=software.package,
            state=state,
            changes=(Change("version", version if there else None, version, origin="guiwei"),),
            instance=self.instance.id,
            origin="guiwei",
            risk="professional" if saved is None else "data",
            requires=None if saved is None else saved.id,
        )
        return [install]

    def _version(self) -> str:
        """The version that is there, by the record, else by the tree; else the one that is wanted."""
        software = self.instance.product.software
        assert software is not None
        graph = VersionGraph.from_profile(software.versions)
        wanted = self.instance.wanted.get("software.version")
        for found in (self.exam.signs.get("version"), self.exam.signs.get("tree_version")):
            if found is not None:
                return graph.known(str(found))
        if wanted is None:
            raise ResourceError("recover-no-version", instance=self.instance.id)
        return graph.known(str(wanted.rendered(self.observation.context(self.instance.id))), wanted.place)

    def _reset(self) -> Step:
        recovery = self.instance.product.recovery
        action = recovery.reset_mode if recovery else None
        assert action is not None
        identity = f"{self.instance.id}/reset-mode"
        return Step(
            id=f"{identity}@{self.number}",
            resource=identity,
            module="command",
            name="reset mode",
            reading={"argv": list(action.argv), "timeout": action.timeout},
            state={"done": True},
            changes=(Change("done", False, True, origin="product"),),
            instance=self.instance.id,
            origin="product",
            risk="professional",
            irreversible=True,
            always=True,
        )

    def _start(self) -> Step:
        step = self.steps.service(f"start@{self.number}", {"running": True}, False)
        software = self.instance.product.software
        reading = software.data_version if software else None
        if software is None or reading is None or not {"migration-unfinished", "record-behind"} & set(self.rungs):
            return step
        goal = software.data_at(self._version())
        return dataclasses.replace(
            step,
            changes=(*step.changes, Change("data_version", self.exam.signs["data_version"], goal, origin="product")),
            risk="data",
            proof=reading.holding(goal),
        )

    def _activation(self) -> list[Step]:
        software = self.instance.product.software
        resource = f"{self.instance.id}/activation"
        due = self.rungs.get("activation-needed") == "settings"
        if not due or software is None or software.activate is None or resource in self.spent:
            return []
        assert software.activation is not None
        step = action_step(
            self.instance,
            software.activate,
            f"{resource}@{self.number}",
            "activate",
            software.activation,
            software.active,
            (Change("activated", None, True, software.place, "product"),),
            software.place,
        )
        return [dataclasses.replace(step, resource=resource)]


def spends(step: Step) -> bool:
    """Tell whether a step gives a secret to a program that may count the tries."""
    return step.module == "command" and "given" in (step.state or {})
