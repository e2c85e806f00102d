"""What was observed on one host, and the questions that planning asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from guiwei.engine.work import reading_id, value_at
from guiwei.errors import GuiweiError, ResourceError, error_from_wire
from guiwei.model.product import Reading
from guiwei.target.contract import fill, identity_of

__all__ = ["Observation"]


@dataclass(frozen=True)
class Observation:
    """The agent's one answer.

    Attributes:
        states: resource identity → state, None where the thing is not there.
        errors: resource identity → why it could not be read.
        pending_handlers: handlers that an earlier run notified and did not get to.
    """

    facts: Mapping[str, Any]
    instances: Mapping[str, Mapping[str, Any]]
    states: Mapping[str, Mapping[str, Any] | None]
    errors: Mapping[str, GuiweiError]
    pending_handlers: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], seconds: float) -> Observation:
        """Build the value from the agent's frame."""
        return cls(
            facts=answer["facts"],
            instances=answer["instances"],
            states=answer["states"],
            errors={name: error_from_wire(error) for name, error in answer["errors"].items()},
            pending_handlers=tuple(answer.get("pending_handlers", ())),
            seconds=seconds,
        )

    def state(self, identity: str) -> Mapping[str, Any] | None:
        """Return a resource's state.

        Raises:
            GuiweiError: it could not be read; the agent's own error.
        """
        if identity in self.errors:
            raise self.errors[identity]
        if identity not in self.states:
            raise ResourceError("not-observed", resource=identity)
        return self.states[identity]

    def value(self, reading: Reading, instance: str) -> Any:
        """Return the field that a profile's reading means, None if the thing is not there."""
        state = self.state(reading_id(reading, instance))
        return None if state is None else value_at(state, reading.field)

    def identity(self, module: str, arguments: Mapping[str, Any], instance: str) -> str:
        """Return a resource's identity as people read it: with what the PC filled in for its references."""
        filled = dict(arguments)
        for name, item in arguments.items():
            # An undefined reference stays as it was written: the step that needs it says so itself.
            with suppress(ResourceError):
                filled[name] = fill(item, self.context(instance))
        return identity_of(module, filled, instance)

    def context(self, instance: str | None) -> dict[str, Any]:
        """Return what templates see: facts, the instance's values, and everything observed."""
        return {
            "facts": self.facts,
            "instance": self.instances.get(instance, {}) if instance else {},
            "observed": self.states,
        }
