"""Language and domain put together: what all plays of one host want of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from guiwei.engine.work import InstanceWork, Wanted, Work
from guiwei.errors import InputError, Place
from guiwei.language.compile import compile_play, finish, play_scope
from guiwei.language.template import LATE, Scope, Templates
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Play

if TYPE_CHECKING:
    from guiwei.cli._project import Project

__all__ = ["compile_host"]


def compile_host(project: Project, host: Host, plays: list[Play], instances: list[tuple[InstanceWork, ...]]) -> Work:
    """Return one host's work out of its plays, in order.

    Raises:
        InputError: two plays want different things of one resource or parameter.
    """
    declarations: dict[str, Declaration] = {}
    merged: dict[str, InstanceWork] = {}
    for play, own in zip(plays, instances, strict=True):
        compiled = compile_play(
            play,
            host,
            tags=project.selection.tags,
            skip_tags=project.selection.skip_tags,
            extra=project.extra,
            groups=project.groups,
            instances=tuple(instance.id for instance in own),
        )
        for declaration in compiled:
            first = declarations.setdefault(declaration.id, declaration)
            if first is not declaration and not _agree(first, declaration):
                raise InputError(
                    "resource-conflict", declaration.place, resource=declaration.id, first=str(first.place)
                )
        if _state_selected(play, project):
            for instance in own:
                merged[instance.id] = _merge(merged.get(instance.id), instance)
    return Work(
        host=host,
        declarations=tuple(declarations.values()),
        instances=tuple(merged.values()),
        finish=finish,
        render=_Renderer(project, host, plays),
        verify=next((play.verify for play in reversed(plays) if play.verify), {}),
        applied=project.applied.get(host.name, {}),
    )


def _agree(first: Declaration, second: Declaration) -> bool:
    return (first.values, first.absent, first.when) == (second.values, second.absent, second.when)


def _state_selected(play: Play, project: Project) -> bool:
    """`--tags` chooses `state:` by the play's own tags; without tags everything runs."""
    tags, skipped = set(project.selection.tags), set(project.selection.skip_tags)
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
    return replace(second, wanted=wanted, secrets={**first.secrets, **second.secrets})


class _Renderer:
    """Renders the leaves of `state:` with the host's variables and what was observed."""

    def __init__(self, project: Project, host: Host, plays: list[Play]) -> None:
        self._scopes = [play_scope(play, host, extra=project.extra, groups=project.groups) for play in plays]
        self._templates = [Templates(play.folder) for play in plays]
        self._files = [play.place.file for play in plays]
        self._plays = plays

    def __call__(self, value: Any, context: Mapping[str, Any], place: Place | None) -> Any:
        number = self._play_of(place)
        known = {name: context[name] for name in LATE if name in context}
        scope = Scope.of(self._scopes[number]).with_data(known)
        return self._templates[number].render(value, scope, lambda _: place)

    def _play_of(self, place: Place | None) -> int:
        """The last play that begins before the value: its variables are the ones meant."""
        if place is None:
            return 0
        before = [
            number
            for number, play in enumerate(self._plays)
            if play.place.file == place.file and play.place.line <= place.line
        ]
        return before[-1] if before else 0
