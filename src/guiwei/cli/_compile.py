"""Language and domain put together: what all plays of one host want of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guiwei.cli._inputs import Inputs
from guiwei.engine.work import InstanceWork, Wanted, Work
from guiwei.errors import InputError
from guiwei.language.compile import compile_play, finish, join_plays
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Play

__all__ = ["compile_host"]


def compile_host(
    inputs: Inputs,
    host: Host,
    plays: list[Play],
    instances: list[tuple[InstanceWork, ...]],
    applied: Mapping[str, Mapping[str, Any]],
) -> Work:
    """Return one host's work out of its plays, in order.

    Args:
        instances: what each play wants of the host's instances.
        applied: what the last apply left, resource → field → value.

    Raises:
        InputError: two plays want different things of one resource or parameter.
    """
    declared: list[Declaration] = []
    merged: dict[str, InstanceWork] = {}
    for play, own in zip(plays, instances, strict=True):
        declared += compile_play(
            play,
            host,
            tags=inputs.tags,
            skip_tags=inputs.skip_tags,
            extra=inputs.extra,
            groups=inputs.groups,
            instances=tuple(instance.id for instance in own),
        )
        if _state_selected(play, inputs):
            for instance in own:
                merged[instance.id] = _merge(merged.get(instance.id), instance)
    return Work(
        host=host,
        declarations=join_plays(declared) if len(plays) > 1 else tuple(declared),
        instances=tuple(merged.values()),
        finish=finish,
        verify=next((play.verify for play in reversed(plays) if play.verify), {}),
        applied=applied,
    )


def _state_selected(play: Play, inputs: Inputs) -> bool:
    """`--tags` chooses `state:` by the play's own tags; without tags everything runs."""
    tags, skipped = set(inputs.tags), set(inputs.skip_tags)
    if set(play.tags) & skipped:
        return False
    return not tags or bool(tags & {*play.tags, "all"}) or "always" in play.tags


def _merge(first: InstanceWork | None, second: InstanceWork) -> InstanceWork:
    """Two plays may each say a part of one instance's state, never the same part differently."""
    if first is None:
        return second
    wanted: dict[str, Wanted] = dict(first.wanted)
    for path, leaf in second.wanted.items():
        if path in wanted and wanted[path].value != leaf.value:
            raise InputError("state-conflict", leaf.place, path=path, first=str(wanted[path].place))
        wanted.setdefault(path, leaf)
    resources = {
        resource.path: (resource, declaration) for resource, declaration in (*second.resources, *first.resources)
    }
    return replace(
        second,
        wanted=wanted,
        secrets={**first.secrets, **second.secrets},
        resources=tuple(resources.values()),
        servers={**second.servers, **first.servers},
    )
