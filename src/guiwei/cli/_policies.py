"""The play as it holds for one host at one instant: its policies chosen, checked against each other, put over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from guiwei.cli._inputs import Inputs
from guiwei.cli._instances import product_of
from guiwei.errors import InputError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.policies import tell_end, tell_instant
from guiwei.language.compile import play_scope
from guiwei.language.patterns import select
from guiwei.language.policies import contradiction, in_force, overlaid
from guiwei.language.template import Templates, TooEarly, is_template
from guiwei.model.inventory import Host, Inventory
from guiwei.model.playbook import Play, Policy

__all__ = ["play_at", "told_policies"]


def play_at(play: Play, host: Host, inventory: Inventory, inputs: Inputs, at: datetime) -> Play:
    """Return the play with the policies that hold for a host at an instant put over it.

    Raises:
        InputError: two policies for this host contradict each other at any instant, not only at this one; a pattern
            or condition of a policy is wrong.
    """
    if not play.policies:
        return play
    own = tuple(policy for policy in play.policies if _applies(policy, play, host, inventory, inputs))
    error = contradiction(own, _normal(play, inputs), play)
    if error is not None:
        raise error
    return overlaid(play, in_force(own, at))


def _applies(policy: Policy, play: Play, host: Host, inventory: Inventory, inputs: Inputs) -> bool:
    if policy.hosts is not None:
        try:
            chosen = select(inventory, policy.hosts)
        except InputError as error:
            place = policy.places.get(("hosts",), policy.place)
            raise InputError(error.code, place, **error.arguments) from error
        if host.name not in {each.name for each in chosen}:
            return False
    # A condition sees the play as it stands: a policy never decides on another one.
    scope = play_scope(play, host, extra=inputs.extra, groups=inputs.groups)
    for index, expression in enumerate(policy.when):
        place = policy.places.get(("when", index), policy.places.get(("when",), policy.place))
        try:
            if not Templates(play.folder).condition(expression, scope, place, early=True):
                return False
        except TooEarly as late:
            raise InputError("policy-when-late", place, name=late.name) from None
    return True


def _normal(play: Play, inputs: Inputs) -> Any:
    """Two spellings of one value (万元版, 99999.99) are no contradiction."""
    product = product_of(play, inputs)
    types = {} if product is None else {".".join(each.path): each.type for each in product.parameters}

    def normal(leaf: str, value: Any) -> Any:
        if leaf not in types or isinstance(value, bool) or is_template(value):
            return value
        try:
            return check_value(types[leaf], value, leaf)
        except InputError:
            return value

    return normal


def told_policies(plays: Iterable[Play], at: datetime) -> tuple[Mapping[str, Any], ...]:
    """Return what plans and reports say of policies: those in force, and those to come, by their first instant."""
    told: dict[tuple[str, str], Mapping[str, Any]] = {}
    for play in plays:
        holding = in_force(play.policies, at)
        for policy in sorted(play.policies, key=lambda each: each.start):
            over = policy.end is not None and policy.end <= at
            if over:
                continue
            told[policy.name, str(policy.place)] = {
                "name": policy.name,
                "reason": policy.reason,
                "from": tell_instant(policy.start),
                "until": None if policy.end is None else tell_end(policy.end),
                "in_force": policy in holding,
                "place": str(policy.place),
            }
    return tuple(told.values())
