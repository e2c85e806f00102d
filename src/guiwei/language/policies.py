"""Policies of a play: what is wanted from a day on, and until when; written in the play or in files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.invoicing.policies import Period, Ruling, contradictions, read_instant, tell_instant
from guiwei.language import vault
from guiwei.language._tasks import Reader
from guiwei.language._words import STATE_WORDS, closest
from guiwei.language.template import is_template, references
from guiwei.language.vault import Keyring
from guiwei.model.playbook import Play, Policy

__all__ = ["POLICY_WORDS", "check_policies", "contradiction", "in_force", "leaves_of", "overlaid", "read_policies"]

POLICY_WORDS = ("name", "reason", "effective_from", "effective_until", "hosts", "when", "state", "vars")

Parts = tuple[str | int, ...]
#: Brings a leaf's value to the form in which values compare.
Normal = Callable[[str, Any], Any]


def read_policies(
    reader: Reader, data: Mapping[str, Any], index: int, folder: Path, keyring: Keyring | None
) -> tuple[Policy, ...]:
    """Return the policies of a play: those of `policies`, then those of `policy_files`; problems go to the reader."""
    product = data.get("product") is not None
    found = _listed(reader, data, (index,), product) if "policies" in data else []
    files = data.get("policy_files")
    if files is not None and not isinstance(files, list):
        reader.wrong("word-not-list", (index, "policy_files"), word="policy_files")
        files = None
    for number, name in enumerate(files or ()):
        path = (index, "policy_files", number)
        if not isinstance(name, str) or is_template(name):
            reader.wrong("vars-file-not-path", path)
            continue
        found += _from_file(reader, folder / name, reader.source.place(path), product, keyring)
    reader.problems += _alike(found)
    return tuple(found)


def check_policies(path: Path, keyring: Keyring | None = None) -> list[InputError]:
    """Return everything that is wrong with a file of policies, in the order of the file."""
    try:
        source, data = vault.load_source(path, keyring)
    except InputError as error:
        return [error]
    reader = Reader(source)
    found = _listed(reader, data, (), True)
    reader.problems += _alike(found)
    return sorted(reader.problems, key=lambda problem: problem.place or Place(str(path), 0, 0))


def _from_file(reader: Reader, path: Path, place: Place, product: bool, keyring: Keyring | None) -> list[Policy]:
    try:
        source, data = vault.load_source(path, keyring)
    except InputError as error:
        error.place = error.place or place
        reader.problems.append(error)
        return []
    inner = Reader(source)
    found: list[Policy] = []
    if isinstance(data, dict) and "policies" in data:
        found = _listed(inner, data, (), product)
    else:
        inner.wrong("policy-file", ())
    reader.problems += inner.problems
    return found


def _listed(reader: Reader, data: Mapping[str, Any], path: Parts, product: bool) -> list[Policy]:
    written = data["policies"]
    if not isinstance(written, list):
        reader.wrong("word-not-list", (*path, "policies"), word="policies")
        return []
    found: list[Policy] = []
    named: dict[str, Place] = {}
    for number, item in enumerate(written):
        below = (*path, "policies", number)
        policy = _policy(reader, item, below, product)
        if policy is None:
            continue
        if policy.name in named:
            reader.wrong("policy-twice", (*below, "name"), name=policy.name, first=str(named[policy.name]))
        named.setdefault(policy.name, reader.source.place((*below, "name")))
        found.append(policy)
    return found


def _policy(reader: Reader, data: Any, path: Parts, product: bool) -> Policy | None:
    if not isinstance(data, dict):
        reader.wrong("policy-not-mapping", path)
        return None
    for word in data:
        if word not in POLICY_WORDS:
            near = closest(str(word), POLICY_WORDS)
            reader.wrong("policy-unknown-word", (*path, word), key=True, word=word, near=near)
    name = reader.text(data, "name", path)
    if not name:
        reader.wrong("policy-no-name", path)
    if "state" not in data and "vars" not in data:
        reader.wrong("policy-changes-nothing", path, name=str(name))
    start = _instant(reader, data, "effective_from", path)
    end = _instant(reader, data, "effective_until", path)
    if data.get("effective_from") is None:
        reader.wrong("policy-no-start", path, name=str(name))
    if start is not None and end is not None and end <= start:
        reader.wrong("policy-ends-before", (*path, "effective_until"), start=tell_instant(start))
    if start is None:
        return None
    return Policy(
        name=name or "",
        start=start,
        end=end,
        place=reader.source.place(path),
        places=reader.places(path, data),
        reason=reader.text(data, "reason", path),
        hosts=_hosts(reader, data, path),
        when=reader.conditions(data, path),
        state=_state(reader, data, path, product),
        vars=reader.variables(data, path),
    )


def _instant(reader: Reader, data: Mapping[str, Any], word: str, path: Parts) -> datetime | None:
    written = data.get(word)
    if written is None:
        return None
    try:
        # YAML's dates are texts here, as every number that would not print as it was written.
        return read_instant(str(written), last=word == "effective_until")
    except ValueError:
        reader.wrong("instant", (*path, word), text=str(written))
        return None


def _hosts(reader: Reader, data: Mapping[str, Any], path: Parts) -> str | None:
    found = data.get("hosts")
    if found is None:
        return None
    patterns = found if isinstance(found, list) else [found]
    if not patterns or not all(isinstance(item, str) and item.strip() and not is_template(item) for item in patterns):
        reader.wrong("play-hosts", (*path, "hosts"))
        return None
    return ",".join(patterns)


def _state(reader: Reader, data: Mapping[str, Any], path: Parts, product: bool) -> Mapping[str, Any]:
    found = data.get("state")
    if found is None:
        return {}
    if not isinstance(found, dict):
        reader.wrong("word-not-mapping", (*path, "state"), word="state")
        return {}
    if not product:
        reader.wrong("state-without-product", (*path, "state"), key=True)
    for word in found:
        if word not in STATE_WORDS:
            near = closest(str(word), STATE_WORDS)
            reader.wrong("state-unknown-word", (*path, "state", word), key=True, word=word, near=near)
    reader.templates(found, (*path, "state"))
    return found


# In time


def in_force(policies: Sequence[Policy], instant: datetime) -> tuple[Policy, ...]:
    """Return the policies that hold at an instant."""
    return tuple(policy for policy in policies if _period(policy).holds(instant))


def contradiction(
    policies: Sequence[Policy], normal: Normal = lambda leaf, value: value, play: Play | None = None
) -> InputError | None:
    """Return the first contradiction among policies that all apply to one host, None if there is none.

    Args:
        normal: gets leaf and value as written.
        play: as it stands without policies; with it, one policy's variable that makes a part of `state:` which another
            policy says itself is a contradiction too: the variable would decide nothing, and nobody would be told.
    """
    rulings = [
        Ruling(leaf, normal(leaf, value), _period(policy), policy.name, place)
        for policy in policies
        for leaf, value, place in leaves_of(policy)
    ]
    for first, second in contradictions(rulings):
        return _contradict(first, second)
    for ruling in _through_variables(policies, play, normal) if play else ():
        for other in rulings:
            if other.policy != ruling.policy:
                for first, second in contradictions([other, ruling]):
                    return _contradict(first, second)
    return None


def _through_variables(policies: Sequence[Policy], play: Play, normal: Normal) -> Iterator[Ruling]:
    """Yield what policies set in `state:` by their variables, as far as the play itself names these there."""
    for path, written in _leaves(play.state, ()):
        leaf, names = ".".join(path), references(written)
        for policy in policies:
            for name in sorted(names & policy.vars.keys()):
                whole = isinstance(written, str) and re.fullmatch(rf"{{{{\s*{re.escape(name)}\s*}}}}", written.strip())
                value = normal(leaf, policy.vars[name]) if whole else object()
                yield Ruling(leaf, value, _period(policy), policy.name, _place(policy, ("vars", name)))


def leaves_of(policy: Policy) -> list[tuple[str, Any, Place]]:
    """Return what a policy sets: dotted path of `state:` or `vars.NAME`, the value as written, and its place."""
    found = [(f"vars.{name}", value, _place(policy, ("vars", name))) for name, value in policy.vars.items()]
    for path, value in _leaves(policy.state, ()):
        found.append((".".join(path), value, _place(policy, ("state", *path))))
    return found


def overlaid(play: Play, policies: Sequence[Policy]) -> Play:
    """Return the play with what policies say put over it; every part keeps its place, and whose it is."""
    if not policies:
        return play
    state: Mapping[str, Any] = play.state
    variables = dict(play.vars)
    places = dict(play.places)
    ruled = dict(play.ruled)
    for policy in policies:
        state = _merged(state, policy.state)
        variables |= policy.vars
        for path, place in policy.places.items():
            if path[:1] in (("state",), ("vars",)):
                places[path] = place
        ruled |= {("vars", name): policy.name for name in policy.vars}
        ruled |= {("state", *path): policy.name for path, _ in _leaves(policy.state, ())}
    return replace(play, state=state, vars=variables, places=places, ruled=ruled)


def _merged(first: Any, second: Any) -> Any:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    return {**first, **{name: _merged(first.get(name), item) for name, item in second.items()}}


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping):
        return [(path, value)]
    return [leaf for name, item in value.items() for leaf in _leaves(item, (*path, str(name)))]


def _place(policy: Policy, path: tuple[str, ...]) -> Place:
    return policy.places.get(path, policy.place)


def _period(policy: Policy) -> Period:
    return Period(policy.start, policy.end)


def _alike(policies: Sequence[Policy]) -> list[InputError]:
    """Contradictions that need no inventory: between policies that are for the same hosts under the same conditions."""
    kin: dict[tuple[Any, ...], list[Policy]] = {}
    for policy in policies:
        kin.setdefault((policy.hosts, policy.when), []).append(policy)
    errors = (contradiction(group) for group in kin.values())
    return [error for error in errors if error is not None]


def _contradict(first: Ruling, second: Ruling) -> InputError:
    return InputError(
        "policy-contradiction",
        second.place,
        leaf=second.leaf,
        policy=second.policy,
        other=first.policy,
        first=str(first.place),
        begins=tell_instant(second.period.meeting(first.period)),
    )
