"""The identity interlock: PC, client, disk, taxpayer and machine number belong together, or nothing is touched.

One PC's own answers prove little: a cloned PC, a disk of another branch and a number that was typed twice are seen only
beside the other PCs. So what a PC shows is held against what the whole inventory declares, against where each PC and
disk was seen before, and against what the other PCs of this run have shown so far.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from guiwei.errors import GateError

__all__ = ["Client", "Interlock", "KnownDisk", "KnownPc", "Sighting", "Told"]


@dataclass(frozen=True)
class Client:
    """One taxpayer's client as the inventory declares it; None where the product has no such thing, or nobody says."""

    instance: str
    taxpayer: str | None = None
    machine: str | None = None
    disk: str | None = None


@dataclass(frozen=True)
class Told:
    """What a plugged device says of itself, as far as it can be asked."""

    number: str | None = None
    taxpayer: str | None = None
    machine: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Sighting:
    """What one PC shows in this run.

    Attributes:
        pc_id: minted at first contact; empty if none was, or void.
        copied_pc_id: the id that lies on this PC but was minted for another machine: its disk image is a copy.
        clients: as the inventory declares them here.
        plugged: ids of the instances whose disk is plugged in.
        devices: what is plugged in.
        own: somebody said that this PC is one of its own, though it was installed as a copy.
    """

    host: str
    pc_id: str = ""
    machine_id: str = ""
    copied_pc_id: str = ""
    clients: tuple[Client, ...] = ()
    plugged: frozenset[str] = frozenset()
    devices: tuple[Told, ...] = ()
    own: bool = False

    @property
    def disks(self) -> tuple[str, ...]:
        """Numbers of the disks that are here, each once."""
        told = [device.number for device in self.devices]
        told += [client.disk for client in self.clients if client.instance in self.plugged]
        return tuple(dict.fromkeys(number for number in told if number))


@dataclass(frozen=True)
class KnownPc:
    """A PC as an earlier run saw it."""

    host: str
    pc_id: str
    machine_id: str
    seen: str


@dataclass(frozen=True)
class KnownDisk:
    """A disk as an earlier run saw it."""

    number: str
    host: str
    taxpayer: str
    seen: str


@dataclass
class Interlock:
    """Judges PCs one by one as they are seen, from many threads.

    What it guarantees for a PC that passes: nothing in the inventory, nothing in the history, and no PC that was seen
    earlier in this run says otherwise. A PC that is seen later may; then that one is refused, and names this one. Where
    every PC is looked at before the first is changed (a plan that is applied, `--lockstep`), both are refused.

    Args:
        declared: host → its clients, of the whole inventory, selected or not.
        pcs: where PCs were seen before; hosts that the inventory no longer names do not count.
        disks: disk number → where it was seen before.
    """

    declared: Mapping[str, tuple[Client, ...]]
    pcs: tuple[KnownPc, ...] = ()
    disks: Mapping[str, KnownDisk] = field(default_factory=dict)
    _met: dict[str, Sighting] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # A fleet has thousands of PCs, and each is held against all others.
        self._owners = _Index()
        self._issued = _Index()
        for host, clients in self.declared.items():
            for client in clients:
                self._owners.add(client.disk, host)
                if client.taxpayer:
                    self._issued.add((client.taxpayer, client.machine), host)
        self._known = {pc.host: pc for pc in self.pcs if pc.host in self.declared}
        self._known_ids, self._met_ids, self._met_disks = _Index(), _Index(), _Index()
        for pc in self._known.values():
            self._known_ids.add(pc.pc_id, pc.host)
            self._known_ids.add(pc.machine_id, pc.host)

    def refusal(self, sighting: Sighting) -> GateError | None:
        """Note what a PC shows and return why nothing may be done to it, None if it may.

        A PC without a declared client is none of the interlock's business.
        """
        if not sighting.clients:
            return None
        with self._lock:
            self._met[sighting.host] = sighting
            for number in (sighting.pc_id, sighting.machine_id):
                self._met_ids.add(number, sighting.host)
            for disk in sighting.disks:
                self._met_disks.add(disk, sighting.host)
            return next(self._refusals(sighting), None)

    def where(self, disk: str, besides: str) -> str | None:
        """Return the host, other than one, that a disk is plugged in at in this run."""
        with self._lock:
            return next(self._with_disk(disk, besides), None)

    def _with_disk(self, disk: str, besides: str) -> Iterator[str]:
        return (host for host in self._met_disks.others(disk, besides) if disk in self._met[host].disks)

    def _refusals(self, sighting: Sighting) -> Iterator[GateError]:
        yield from self._declared_twice(sighting)
        yield from self._copied(sighting)
        for device in sighting.devices:
            yield from self._of_another(sighting, device)
        for disk in sighting.disks:
            for other in self._with_disk(disk, sighting.host):
                yield GateError("identity-disk-twice", host=sighting.host, other=other, disk=disk)

    def _declared_twice(self, sighting: Sighting) -> Iterator[GateError]:
        """One disk, or one taxpayer's machine number, that the inventory gives to two PCs."""
        for mine in sighting.clients:
            for other in self._owners.others(mine.disk, sighting.host):
                yield GateError("identity-disk-declared", host=sighting.host, other=other, disk=mine.disk)
            for other in self._issued.others((mine.taxpayer, mine.machine), sighting.host):
                yield GateError(
                    "identity-taxpayer-declared",
                    host=sighting.host,
                    other=other,
                    taxpayer=mine.taxpayer,
                    machine=mine.machine or "",
                )

    def _copied(self, sighting: Sighting) -> Iterator[GateError]:
        """A PC that is another one, or a copy of it."""
        copied = sighting.copied_pc_id
        if copied and not sighting.own:
            known = (host for host, pc_id, _ in self._shown(copied, sighting.host) if pc_id == copied)
            yield GateError("identity-pc-copied", host=sighting.host, other=next(known, "?"), pc=copied)
        for host, pc_id, _ in self._shown(sighting.pc_id, sighting.host):
            if pc_id == sighting.pc_id:
                yield GateError("identity-pc-twice", host=sighting.host, other=host, pc=pc_id)
        for host, pc_id, machine_id in self._shown(sighting.machine_id, sighting.host):
            # Two ids that were minted are two PCs, whatever image they were installed from.
            told_apart = sighting.own or (pc_id and sighting.pc_id)
            if not told_apart and machine_id == sighting.machine_id:
                yield GateError("identity-pc-twice", host=sighting.host, other=host, pc=machine_id)

    def _shown(self, number: str, besides: str) -> Iterator[tuple[str, str, str]]:
        """Yield host, PC id and machine-id of the other PCs that showed one of both, before and in this run."""
        for host in self._known_ids.others(number, besides):
            yield host, self._known[host].pc_id, self._known[host].machine_id
        for host in self._met_ids.others(number, besides):
            other = self._met[host]
            yield host, other.pc_id, "" if other.own else other.machine_id

    def _of_another(self, sighting: Sighting, device: Told) -> Iterator[GateError]:
        """A disk that belongs to another branch by the inventory, or by where it was seen last."""
        own = {client.disk for client in sighting.clients}
        if device.number not in own:
            for other in self._owners.others(device.number, sighting.host):
                yield _another(sighting, device, other)
        issued = (device.taxpayer, device.machine)
        if issued not in {(client.taxpayer, client.machine) for client in sighting.clients}:
            for other in self._issued.others(issued, sighting.host):
                yield _another(sighting, device, other)
        seen = self.disks.get(device.number or "")
        if seen is not None and seen.host != sighting.host and device.number not in own:
            yield GateError(
                "identity-disk-seen",
                host=sighting.host,
                other=seen.host,
                disk=seen.number,
                taxpayer=seen.taxpayer,
                seen=seen.seen,
            )


class _Index:
    """Hosts by a number that they have, in the order in which they came."""

    def __init__(self) -> None:
        self._hosts: dict[Hashable, dict[str, None]] = {}

    def add(self, number: Hashable, host: str) -> None:
        """Note a host; no number is none that two could share."""
        if number:
            self._hosts.setdefault(number, {})[host] = None

    def others(self, number: Hashable, besides: str) -> list[str]:
        """Return the other hosts with a number."""
        return [host for host in self._hosts.get(number, ()) if host != besides] if number else []


def _another(sighting: Sighting, device: Told, other: str) -> GateError:
    return GateError(
        "identity-disk-of-another",
        host=sighting.host,
        other=other,
        disk=device.number or "?",
        taxpayer=device.taxpayer or "?",
    )
