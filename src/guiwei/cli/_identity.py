"""The interlock put together: what the inventory declares, what the history knows, what each plan shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from guiwei.cli._project import Project
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GateError, GuiweiError
from guiwei.history.database import History
from guiwei.invoicing.devices import ROLES
from guiwei.invoicing.parameters import check_value
from guiwei.model.inventory import Host
from guiwei.model.plan import HostPlan, InstancePlan
from guiwei.model.product import Product
from guiwei.model.run import HostResult
from guiwei.safety.identity import Client, Interlock, KnownDisk, KnownPc, Sighting, Told

__all__ = ["Identity"]


class Identity:
    """One run's interlock over a project's hosts.

    Args:
        history: where PCs and disks were seen before, and what is seen now is noted; None for neither.
    """

    def __init__(self, project: Project, history: History | None) -> None:
        self._works = {work.host.name: work for work in project.works}
        self._history = history
        self._interlock: Interlock | None = None
        if any(work.instances for work in self._works.values()):
            self._interlock = Interlock(_declared(project), *_known(history))

    def refusal(self, plan: HostPlan) -> GateError | None:
        """Note what a host's fresh plan shows and return why the host is refused, None if it is not."""
        if self._interlock is None or not plan.facts:
            return None
        return self._interlock.refusal(_sighting(self._works[plan.host], plan))

    def judged(self, plans: Sequence[HostPlan]) -> list[HostPlan]:
        """Return the plans of all hosts, those that concern each other's identity refused, both sides of them."""
        for plan in plans:
            self.refusal(plan)
        judged = []
        for plan in plans:
            error = self.refusal(plan)
            judged.append(self._waiting(plan) if error is None else _refused(plan, error))
        return judged

    def note(self, plan: HostPlan, result: HostResult, run: str, seen: str) -> None:
        """Remember where a PC and its disks are, once the host was let through."""
        if self._interlock is None or self._history is None or not plan.facts:
            return
        if plan.status == "failed" or result.status in ("refused", "unreachable", "skipped"):
            return
        from guiwei.history.sightings import note_sighting

        sighting = _sighting(self._works[plan.host], plan)
        pc = {"pc_id": result.pc_id or sighting.pc_id, "machine_id": "" if sighting.own else sighting.machine_id}
        told = {each.id: _told(each) for each in plan.instances}
        disks = [
            {
                "number": client.disk,
                "instance": client.instance,
                "taxpayer": client.taxpayer,
                "machine": client.machine,
                "kind": told[client.instance].kind if client.instance in told else None,
            }
            for client in sighting.clients
            if client.disk and client.instance in sighting.plugged
        ]
        note_sighting(self._history, plan.host, pc, disks, run, seen)

    def _waiting(self, plan: HostPlan) -> HostPlan:
        """Say of a disk that is waited for where it is, if this run has seen it elsewhere."""
        if self._interlock is None:
            return plan
        disks = {client.instance: client.disk for client in self._interlock.declared.get(plan.host, ())}
        instances = []
        for each in plan.instances:
            disk = disks.get(each.id)
            other = self._interlock.where(disk, plan.host) if disk and each.status == "pending" else None
            if other is not None:
                each = replace(each, error=GateError("disk-elsewhere", disk=disk, other=other))
            instances.append(each)
        return replace(plan, instances=tuple(instances))


def _refused(plan: HostPlan, error: GuiweiError) -> HostPlan:
    instances = tuple(each if each.status == "pending" else replace(each, status="refused") for each in plan.instances)
    return replace(plan, status="refused", error=error, stages=(), instances=instances)


def _sighting(work: Work, plan: HostPlan) -> Sighting:
    facts = plan.facts
    return Sighting(
        host=plan.host,
        pc_id=str(facts.get("pc_id") or ""),
        machine_id=str(facts.get("machine_id") or ""),
        copied_pc_id=str(facts.get("copied_pc_id") or ""),
        clients=tuple(_client(instance) for instance in work.instances),
        plugged=frozenset(each.id for each in plan.instances if each.status != "pending"),
        devices=tuple(dict.fromkeys(told for each in plan.instances if (told := _told(each)) != Told())),
        own=work.host.says("guiwei_new_pc"),
    )


def _told(plan: InstancePlan) -> Told:
    device = plan.facts.get("device") or {}
    return Told(*(device.get(name) for name in ("number", "taxpayer", "machine", "kind")))


def _client(instance: InstanceWork) -> Client:
    return _client_of(instance.id, instance.values, instance.product)


def _client_of(name: str, values: Mapping[str, Any], product: Product) -> Client:
    found: dict[str, str] = {}
    for field in product.fields:
        role, value = ROLES.get(field.type), values.get(field.name)
        if role is None or role in found or not isinstance(value, (str, int)):
            continue
        try:
            found[role] = str(check_value(field.type, value, field.name))
        except GuiweiError:
            # Another host's mistake is told when that host is worked on.
            continue
    return Client(name, **found)


def _declared(project: Project) -> dict[str, tuple[Client, ...]]:
    """Host → clients, of every host of the inventory: one that is not selected may own what a selected one claims."""
    works = {work.host.name: work for work in project.works}
    products = {each.product.name: each.product for work in works.values() for each in work.instances}
    found: dict[str, tuple[Client, ...]] = {}
    for host in project.inventory.hosts.values():
        if host.name in works:
            found[host.name] = tuple(_client(instance) for instance in works[host.name].instances)
        else:
            found[host.name] = tuple(_elsewhere(project, host, products.values()))
    return found


def _elsewhere(project: Project, host: Host, products: Iterable[Product]) -> Iterable[Client]:
    entries = host.vars.get("instances", [host.vars])
    if "{{" in str(entries):
        try:
            entries = project.settled(host).vars.get("instances", ())
        except GuiweiError:
            return
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            for product in products:
                client = _client_of("", entry, product)
                if client.disk or client.taxpayer:
                    yield client
                    break


def _known(history: History | None) -> tuple[tuple[KnownPc, ...], dict[str, KnownDisk]]:
    if history is None:
        return (), {}
    from guiwei.history.sightings import known_disks, known_pcs

    pcs = tuple(KnownPc(row["host"], row["pc_id"], row["machine_id"], row["seen"]) for row in known_pcs(history))
    disks = {
        row["number"]: KnownDisk(row["number"], row["host"], row["taxpayer"], row["seen"])
        for row in known_disks(history)
    }
    return pcs, disks
