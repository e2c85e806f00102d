"""The taxpayers' clients on one host, from inventory and play: checked before any host is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from guiwei.cli._inputs import Inputs
from guiwei.cli._upkeep import check_upkeep, known_upkeep, with_addresses, with_upkeep
from guiwei.engine.work import InstanceWork, Wanted
from guiwei.errors import InputError, Place
from guiwei.invoicing.parameters import check_value
from guiwei.language.compile import play_scope, renderer
from guiwei.language.products import find_product, load_product
from guiwei.language.ruled import Rulings
from guiwei.language.source import Vaulted
from guiwei.language.template import Scope
from guiwei.model.inventory import Host
from guiwei.model.playbook import Play
from guiwei.model.product import Action, Product
from guiwei.target.contract import fill

__all__ = ["instances_of", "product_of"]


def product_of(play: Play, inputs: Inputs) -> Product | None:
    """Return the play's product profile; None if it names none.

    Raises:
        InputError: the profile is unknown or wrong, or `state:` stands without one.
    """
    if play.product is None:
        if play.state:
            raise InputError("state-without-product", play.places.get(("state",), play.place))
        return None
    try:
        path = find_product(play.product, inputs.product_folders(play))
    except InputError as error:
        raise InputError(error.code, play.places.get(("product",), play.place), **error.arguments) from error
    status = path.stat()
    return _load(path, Path.cwd(), status.st_mtime_ns, status.st_size)


@cache
def _load(path: Path, _from: Path, _mtime_ns: int, _size: int) -> Product:
    """Read once for each state of the file: a thousand hosts share one profile."""
    return load_product(path)


def instances_of(host: Host, play: Play, inputs: Inputs, product: Product | None = None) -> tuple[InstanceWork, ...]:
    """Return what a play wants of each instance that the inventory declares on a host.

    Args:
        product: the profile, where it is at hand; else the one that the play names.

    Raises:
        InputError: an instance lacks a field or has a wrong one; `state:` names what the product does not know.
    """
    product = product or product_of(play, inputs)
    if product is None:
        return ()
    wanted = _wanted(play, product, play_scope(play, host, extra=inputs.extra, groups=inputs.groups))
    declared = host.vars.get("instances")
    if declared is None:
        declared = [{field.name: host.vars[field.name] for field in product.fields if field.name in host.vars}]
    if not isinstance(declared, list) or not all(isinstance(entry, Mapping) for entry in declared):
        raise InputError("instances-not-a-list", host.place, host=host.name)
    made = tuple(_instance(host, product, entry, wanted, play, inputs) for entry in declared)
    twice = {each.id for each in made if sum(other.id == each.id for other in made) > 1}
    if twice:
        raise InputError("instance-twice", host.place, host=host.name, instance=sorted(twice)[0])
    return made


def _instance(
    host: Host,
    product: Product,
    entry: Mapping[str, Any],
    wanted: Mapping[str, Wanted],
    play: Play,
    inputs: Inputs,
) -> InstanceWork:
    values: dict[str, Any] = {name: item for name, item in entry.items() if _shown(item)}
    for field in product.fields:
        if entry.get(field.name) is None:
            if field.required:
                raise InputError("instance-field-missing", host.place, host=host.name, field=field.name)
            continue
        name = f"{host.name}: {field.name}"
        values[field.name] = check_value(field.type, entry[field.name], name, host.place)
    values["id"] = str(fill(product.instance_id, {"instance": values, "facts": {}}))
    made = InstanceWork(
        id=values["id"],
        product=product,
        values=values,
        wanted=wanted,
        secrets=_secrets(host, entry, product),
        artifacts=_artifacts(product, play, host),
        place=host.place,
    )
    return with_upkeep(made, host, play, inputs)


def _shown(item: Any) -> bool:
    from guiwei.target.secret import Secret

    return isinstance(item, (str, int, float, bool)) and not isinstance(item, Secret)


def _secrets(host: Host, entry: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """The variables that the profile's actions give to standard input: the instance's own, else the host's."""
    names = {name for action in _actions(product) for name in action.given}
    found = {name: entry.get(name, host.vars.get(name)) for name in names}
    for item in found.values():
        if isinstance(item, Vaulted):
            raise InputError("vault-no-password", item.place)
    return {name: item for name, item in found.items() if item is not None}


def _actions(product: Product) -> Iterator[Action]:
    issue = product.issue
    candidates = [parameter.write for parameter in product.parameters]
    candidates += [product.software.activate] if product.software else []
    candidates += [issue.login, issue.issue, issue.void] if issue else []
    candidates += [product.recovery.reset_mode] if product.recovery else []
    return (action for action in candidates if action is not None)


def _artifacts(product: Product, play: Play, host: Host) -> dict[str, str]:
    """Version → package file: in `artifacts` of the host's variables, else beside the playbook.

    A driver's package is there by its name and version, with a blank between.
    """
    given = host.vars.get("guiwei_artifacts")
    folders = [Path(str(given))] if given else []
    folders += [play.folder / "artifacts", play.folder.parent / "artifacts"]
    sources = [(version, product.software.source) for version in product.software.versions] if product.software else []
    wanted = {version: source.replace("{version}", version) for version, source in sources}
    for driver in product.drivers:
        wanted.update({f"{driver.name} {each}": driver.source.replace("{version}", each) for each in driver.versions})
    found = {}
    for key, name in wanted.items():
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is not None:
            found[key] = str(path.resolve())
    return found


def _wanted(play: Play, product: Product, scope: Scope) -> dict[str, Wanted]:
    """Return the leaves of `state:` that the product knows, by dotted path.

    Raises:
        InputError: a leaf that it does not know, with the nearest that it does.
    """
    known = {".".join(parameter.path) for parameter in product.parameters}
    if product.software is not None:
        known |= {"software.version", "software.running"}
    known |= {f"drivers.{driver.name}" for driver in product.drivers}
    upkeep, whole = known_upkeep(product)
    known |= upkeep
    found = {}
    render, rulings = renderer(play, scope), Rulings(play)
    for path, value in _leaves(play.state, (), whole):
        dotted = ".".join(path)
        place = _place(play, path)
        if dotted not in known:
            from difflib import get_close_matches

            near = get_close_matches(dotted, known, 3, 0.4) or sorted(known)
            raise InputError("state-unknown", place, path=dotted, product=product.name, near=", ".join(near))
        policy = play.ruled.get(("state", *path))
        policy, place = (policy, place) if policy else rulings.of(value, scope.variables) or ("", place)
        found[dotted] = Wanted(value, place, "policy" if policy else "playbook", render, policy)
    _check_literals(found, product)
    return with_addresses(found, product)


def _leaves(value: Any, path: tuple[str, ...], whole: set[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and ".".join(path) not in whole:
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)), whole)
    else:
        yield path, value


def _place(play: Play, path: tuple[str, ...]) -> Place | None:
    return play.places.get(("state", *path), play.place)


def _check_literals(wanted: Mapping[str, Wanted], product: Product) -> None:
    """A value without a template is checked at once: a wrong one must not wait for a connection."""
    types = {".".join(parameter.path): parameter for parameter in product.parameters}
    for path, leaf in wanted.items():
        if check_upkeep(path, leaf, product) or _templated(leaf.value):
            continue
        parameter = types.get(path)
        if parameter is not None and parameter.when_true is None:
            check_value(parameter.type, leaf.value, path, leaf.place)
        elif path == "software.version":
            from guiwei.invoicing.versions import VersionGraph

            assert product.software is not None
            version = check_value("version", leaf.value, path, leaf.place)
            if product.software.versions:
                VersionGraph.from_profile(product.software.versions).known(version, leaf.place)
        elif path.startswith("drivers."):
            check_value("version", leaf.value, path, leaf.place)
        elif not isinstance(leaf.value, bool):
            raise InputError("value-boolean", leaf.place, parameter=path, value=str(leaf.value))


def _templated(value: Any) -> bool:
    if isinstance(value, list):
        return any(_templated(item) for item in value)
    return isinstance(value, str) and ("{{" in value or "{%" in value)
