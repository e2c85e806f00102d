"""Resources of a product's profile whose values `state:` says: certificates, jobs of upkeep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan
from guiwei.engine.steps import changes_of, guards_of
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GuiweiError
from guiwei.model.plan import Step
from guiwei.model.playbook import Declaration
from guiwei.model.product import StateResource
from guiwei.target.contract import PRESENCE, compose, differences, find_type

__all__ = ["ResourcePlan", "plan_resources"]


@dataclass(frozen=True)
class ResourcePlan:
    """What the resources of an instance need.

    Attributes:
        restart: ids of steps after which a running client must be restarted.
        artifacts: sha256 → file on the controller.
        desired: resource → field → wanted value, whether it differs or not.
    """

    steps: tuple[Step, ...] = ()
    restart: tuple[str, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)
    desired: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def joined(self, parameters: ParameterPlan) -> ParameterPlan:
        """Return the parameters' plan with these steps in it: both are settled before the client starts."""
        return replace(
            parameters,
            steps=parameters.steps + self.steps,
            restart=parameters.restart + self.restart,
            desired={**parameters.desired, **self.desired},
        )


def plan_resources(work: Work, instance: InstanceWork, observation: Observation) -> ResourcePlan:
    """Compare each resource that `state:` says something of with what is there.

    Raises:
        GuiweiError: it cannot be read, or what is wanted cannot be rendered.
    """
    steps: list[Step] = []
    restart: list[str] = []
    artifacts: dict[str, str] = {}
    desired: dict[str, Mapping[str, Any]] = {}
    for resource, declaration in instance.resources:
        assert work.finish is not None
        observed = _observed(declaration, observation)
        wanted = work.finish(declaration, observation.context(instance.id))
        cls = find_type(resource.module)
        state = compose(resource.module, declaration.reading).normal(dict(wanted.state or {}))
        desired[declaration.id] = {PRESENCE: "present", **state}
        changes = differences(cls, state, None if observed is None else dict(observed))
        if not changes:
            continue
        artifacts.update({sha256: str(path) for sha256, path in wanted.artifacts})
        told = changes_of(changes, declaration, work.applied.get(declaration.id))
        steps.append(_step(resource, declaration, wanted.state, told, guards_of(cls, changes)))
        restart += [declaration.id] if resource.restart else []
    return ResourcePlan(tuple(steps), tuple(restart), artifacts, desired)


def _observed(declaration: Declaration, observation: Observation) -> Mapping[str, Any] | None:
    try:
        return observation.state(declaration.id)
    except GuiweiError as error:
        error.place = error.place or declaration.place
        raise


def _step(
    resource: StateResource,
    declaration: Declaration,
    state: Mapping[str, Any] | None,
    changes: tuple[Any, ...],
    guards: Mapping[str, Any],
) -> Step:
    return Step(
        id=declaration.id,
        resource=declaration.id,
        module=declaration.module,
        name=resource.label["en"],
        reading=declaration.reading,
        state=state,
        changes=changes,
        guards=guards,
        instance=declaration.instance,
        place=declaration.place,
        risk=resource.risk,
        irreversible=find_type(resource.module).undo == "none",
        label=resource.label,
    )
