"""Secrets that a device or a client counts wrong tries of: never guessed, never given twice, never the last try."""

from __future__ import annotations

from guiwei.engine.observation import Observation
from guiwei.engine.ports import Session
from guiwei.engine.work import InstanceWork, Work, contexts, read_of, reading_id, value_at
from guiwei.errors import GateError, Place
from guiwei.model.product import Action, Reading
from guiwei.model.run import given_in_vain

__all__ = ["counted_by", "keep_tries", "look_at_tries", "tries_left"]


def look_at_tries(session: Session, work: Work, instance: InstanceWork, action: Action) -> None:
    """Look how many tries are left just before a secret is given outside a plan.

    Raises:
        GateError: it is not to be given, see `tries_left`.
    """
    reading = counted_by(instance, action)
    if reading is not None:
        read = read_of(reading_id(reading, instance.id), reading.module, reading.arguments, instance.id)
        answer = session.ask({"op": "observe", "reads": [read], **contexts(work)})
        tries_left(instance, action, None, Observation.from_answer(answer, 0.0))


def counted_by(instance: InstanceWork, action: Action) -> Reading | None:
    """Return the reading that tells an action's tries; None if nobody counts them."""
    if isinstance(action.tries, Reading):
        return action.tries
    return instance.product.device if action.tries is not None else None


def tries_left(instance: InstanceWork, action: Action, place: Place | None, observation: Observation) -> int | None:
    """Return the tries left; refuse where a wrong PIN or password would lock for good, or somebody gave a wrong one.

    What counts to its full number again after a right try is touched by a wrong one alone: guiwei's own wrong try is
    never repeated.

    Raises:
        GateError: `pin-last-try` or `secret-wrong-before`.
    """
    reading = counted_by(instance, action)
    if reading is None:
        return None
    left = observation.value(reading, instance.id)
    if isinstance(action.tries, str):
        left = value_at(left, action.tries)
    told = "?" if left is None else str(left)
    if not isinstance(left, int) or left <= 1:
        raise GateError("pin-last-try", place, instance=instance.id, left=told)
    if action.full is not None and left < action.full:
        raise GateError("secret-wrong-before", place, instance=instance.id, left=told, full=action.full)
    return left


def keep_tries(work: Work, instance: InstanceWork, identity: str, left: int | None, place: Place | None) -> None:
    """Refuse to give a secret again that was given in vain: fewer tries are left than before that.

    A right one, which a person gives, brings the device's count back to its full number. Where the inventory's was
    corrected, somebody says so: nothing of the wrong one is kept to tell it by.

    Raises:
        GateError: `secret-given-in-vain`.
    """
    before = work.applied.get(given_in_vain(identity), {}).get("tries_left")
    again = left is not None and isinstance(before, int) and left < before
    if again and not work.host.says("guiwei_new_secret"):
        raise GateError("secret-given-in-vain", place, instance=instance.id, left=left)
