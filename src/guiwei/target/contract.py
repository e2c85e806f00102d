"""The resource contract: what every file in `guiwei.modules` is written against.

A resource type is a frozen dataclass whose fields are its arguments. Each field has one role:

- `key`: identifies the thing on the PC; reading needs it. A literal, or dotted `{{ facts.… }}`/`{{ instance.… }}`.
- `option`: how to read and write it (an encoding, a deadline); not identity, not compared.
- `value`: the state itself. Unset (None) is not compared; the rest is compared in its normal form.
- `supply`: a controller-side convenience (`template`, `source`) that is turned into a value before it travels.

Nothing else decides, diffs or undoes: `differences` below is the only comparison, on both sides of the wire.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, List, Mapping, NamedTuple, Optional, Type

from guiwei.errors import ResourceError
from guiwei.target.secret import Secret, holds_secret

if TYPE_CHECKING:
    from guiwei.target.system import System

__all__ = [
    "FORMS",
    "Change",
    "FieldSpec",
    "Resource",
    "State",
    "compose",
    "differences",
    "fields_of",
    "fill",
    "find_type",
    "identity_of",
    "key",
    "known_on",
    "option",
    "short_text",
    "supply",
    "value",
]

State = Dict[str, Any]

#: Pseudo-field of a difference in existence.
PRESENCE = "state"


class Change(NamedTuple):
    """One field that differs: its name, what is there, and what is wanted."""

    field: str
    before: Any
    after: Any


class FieldSpec(NamedTuple):
    """What the one definition of a field says: the source of schema, docs, validation and redaction."""

    name: str
    role: str
    annotation: str
    required: bool
    default: Any
    doc: str
    zh: str
    form: str
    pattern: Optional[str]
    choices: Optional[List[Any]]
    secret: bool
    volatile: bool
    into: Optional[str]
    how: Optional[str]
    example: Any
    compared: bool = True
    posix: bool = False


class Resource:
    """Base of every resource type. Subclasses are frozen dataclasses in `guiwei.modules.<type>`.

    Class attributes:
        kind: `lens` (read and write), `probe` (read alone) or `action` (write is a command that runs).
        summary: one line for people, English; `summary_zh`, Chinese.
        undo: `images` (the before-images that `system` keeps restore it), `state` (rollback writes the state that
            was read before), or `none` (shown as irreversible in the plan).
        by_hand: of a probe: a person brings about what is wanted, and guiwei waits for it.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = ""
    summary_zh: ClassVar[str] = ""
    undo: ClassVar[str] = "images"
    by_hand: ClassVar[bool] = False

    def read(self, system: System) -> Optional[State]:
        """Return the state on the PC, None if the thing is not there. Uses key and option fields alone.

        Raises:
            ResourceError: it is there but cannot be read.
        """
        raise NotImplementedError

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Make the PC so that `read` gives `state`; None removes the thing.

        Args:
            state: only the fields to set; fields that it lacks stay as they are.

        Returns:
            What is worth recording as the receipt (a backup's id, a program's exit code), or None.

        Raises:
            ResourceError: it could not be done; `system` knows what was touched.
        """
        raise NotImplementedError

    def normal(self, state: State) -> State:
        """Return the desired state in the form in which `read` would give it, where an option changes it."""
        return state

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Return what is wrong with a combination of arguments, beyond each field's own schema."""
        return None


def key(doc: str, zh: str, **marks: Any) -> Any:
    """Declare a field that identifies the thing; required unless `default` is given."""
    return _field("key", doc, zh, marks)


def option(doc: str, zh: str, **marks: Any) -> Any:
    """Declare a field that says how to read and write; `default` is required."""
    return _field("option", doc, zh, marks)


def value(doc: str, zh: str, **marks: Any) -> Any:
    """Declare a field of the state; unset by default.

    Args:
        marks: `form` (a key of `FORMS`), `pattern`, `choices`, `secret`, `volatile` (changes by itself, never a
            guard), `compared` (False: it travels with the state, for `write` alone), `posix` (Windows has no such
            thing; see `known_on`), `example`.
    """
    marks.setdefault("default", None)
    return _field("value", doc, zh, marks)


def supply(doc: str, zh: str, into: str, how: str) -> Any:
    """Declare a controller-side source of the value field `into`: `how` is `template` or `artifact`."""
    return _field("supply", doc, zh, {"into": into, "how": how, "default": None})


def _field(role: str, doc: str, zh: str, marks: Dict[str, Any]) -> Any:
    metadata = {"role": role, "doc": doc, "zh": zh}
    metadata.update({name: mark for name, mark in marks.items() if name != "default"})
    if isinstance(marks.get("default"), (list, dict)):
        return dataclasses.field(default_factory=lambda: copy.deepcopy(marks["default"]), metadata=metadata)
    if "default" in marks:
        return dataclasses.field(default=marks["default"], metadata=metadata)
    return dataclasses.field(metadata=metadata)


def fields_of(cls: Type[Resource]) -> List[FieldSpec]:
    """Return the specification of every field of a resource type, in order of definition."""
    cached = _specs.get(cls)
    if cached is None:
        definition: Any = cls
        cached = _specs[cls] = [_spec(f) for f in dataclasses.fields(definition)]
    return cached


# Memos of what the classes say, nothing more.
_specs: Dict[Type[Resource], List[FieldSpec]] = {}


def _spec(f: Any) -> FieldSpec:
    marks = f.metadata
    made = f.default_factory is not dataclasses.MISSING
    required = f.default is dataclasses.MISSING and not made
    return FieldSpec(
        name=f.name,
        role=marks["role"],
        annotation=str(f.type),
        required=required,
        default=None if required else f.default_factory() if made else f.default,
        doc=marks["doc"],
        zh=marks["zh"],
        form=marks.get("form", "plain"),
        pattern=marks.get("pattern"),
        choices=marks.get("choices"),
        secret=marks.get("secret", False),
        volatile=marks.get("volatile", False),
        into=marks.get("into"),
        how=marks.get("how"),
        example=marks.get("example"),
        compared=marks.get("compared", True),
        posix=marks.get("posix", False),
    )


def find_type(name: str) -> Type[Resource]:
    """Return the one `Resource` defined in `guiwei.modules.<name>`.

    Raises:
        ResourceError: there is no such module (`module-unknown`).
    """
    cached = _types.get(name)
    if cached is not None:
        return cached
    if not re.match(r"[a-z][a-z0-9_]*\Z", name):
        raise ResourceError("module-unknown", module=name)
    import importlib

    try:
        module = importlib.import_module("guiwei.modules." + name)
    except ImportError as error:
        if getattr(error, "name", None) != "guiwei.modules." + name:
            raise
        raise ResourceError("module-unknown", module=name) from error
    for item in vars(module).values():
        if isinstance(item, type) and issubclass(item, Resource) and item.__module__ == module.__name__:
            _types[name] = item
            return item
    raise ResourceError("module-unknown", module=name)


# A memo of imports: the truth is the folder `modules/`.
_types: Dict[str, Type[Resource]] = {}


def compose(name: str, arguments: Mapping[str, Any]) -> Resource:
    """Return a resource for reading and writing: key and option fields set, value fields unset.

    Args:
        arguments: key and option fields; others are ignored.
    """
    cls = find_type(name)
    chosen = {
        spec.name: arguments[spec.name]
        for spec in fields_of(cls)
        if spec.role in ("key", "option") and arguments.get(spec.name) is not None
    }
    try:
        return cls(**chosen)
    except TypeError as error:
        raise ResourceError("module-arguments", module=name, detail=str(error)) from error


def identity_of(module: str, arguments: Mapping[str, Any], instance: Optional[str] = None) -> str:
    """Return a resource's identity, readable: instance, type, and the key fields that are not at their default."""
    keys = [
        "%s=%s" % (spec.name, short_text(arguments[spec.name]))
        for spec in fields_of(find_type(module))
        if spec.role == "key" and spec.name in arguments and (spec.required or arguments[spec.name] != spec.default)
    ]
    return "%s%s[%s]" % (instance + "/" if instance else "", module, ",".join(keys))


def short_text(item: Any) -> str:
    """Return a key's value; quoted where it could be mistaken for more than one."""
    if isinstance(item, str) and item and not set(item) & set(',[]="') and item.strip() == item:
        return item
    import json

    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_REFERENCE = re.compile(r"\{\{\s*((?:facts|instance)(?:\.\w+)+)\s*\}\}", re.UNICODE)


def fill(text: Any, context: Mapping[str, Any]) -> Any:
    """Replace dotted `{{ facts.a.b }}` and `{{ instance.a }}` references, in lists and mappings too.

    Args:
        context: has `facts` and `instance`.

    Raises:
        ResourceError: a reference has no value on this PC (`reference-undefined`).
    """
    if isinstance(text, str):
        if "{{" not in text:
            return text
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return _lookup(whole.group(1), context)
        return _REFERENCE.sub(lambda match: str(_lookup(match.group(1), context)), text)
    if isinstance(text, list):
        return [fill(item, context) for item in text]
    if isinstance(text, dict):
        return {name: fill(item, context) for name, item in text.items()}
    return text


def _lookup(dotted: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    for part in dotted.split("."):
        if not isinstance(found, Mapping) or found.get(part) is None:
            raise ResourceError("reference-undefined", reference=dotted)
        found = found[part]
    return found


def _normal_version(text: Any) -> str:
    """3.1 and 3.1.0 are one version: trailing zero parts say nothing."""
    parts = str(text).strip().split(".")
    while len(parts) > 1 and parts[-1].strip("0") == "":
        parts.pop()
    return ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


def _normal_mode(mode: Any) -> str:
    return "%04o" % (int(str(mode), 8) & 0o7777)


def _normal_lines(text: Any) -> str:
    """Line ends are a separate matter (`newline`): compare the lines."""
    return str(text).replace("\r\n", "\n")


def _canonical_json(item: Any) -> str:
    from guiwei.target.json_text import canonical

    return canonical(item)


#: Normal forms by name: two values are the same state when their normal forms are equal.
FORMS: Dict[str, Callable[[Any], Any]] = {
    "plain": lambda plain: plain,
    "text": str,
    "version": _normal_version,
    "mode": _normal_mode,
    "lines": _normal_lines,
    "mapping": lambda mapping: mapping,
    "json": _canonical_json,
}


def known_on(system: str, cls: Type[Resource], state: Optional[State]) -> Optional[State]:
    """Return a desired state without the fields that the PC's system does not have (on Windows, mode and owner).

    Args:
        system: `windows` or `linux`, as `facts.system` says.
    """
    if state is None or system != "windows":
        return state
    lacking = {spec.name for spec in fields_of(cls) if spec.posix}
    return {name: item for name, item in state.items() if name not in lacking}


def differences(cls: Type[Resource], desired: Optional[State], observed: Optional[State]) -> List[Change]:
    """Return the fields of `desired` that `observed` does not have, typed and in order of definition.

    Args:
        desired: the wanted state; None means that the thing must not be there.
        observed: what `read` gave; None means that it is not there.
    """
    if desired is None:
        return [] if observed is None else [Change(PRESENCE, "present", "absent")]
    changes = [] if observed is not None else [Change(PRESENCE, "absent", "present")]
    there = observed or {}
    for spec in fields_of(cls):
        if spec.role != "value" or not spec.compared or desired.get(spec.name) is None:
            continue
        wanted, found = desired[spec.name], there.get(spec.name)
        if spec.form == "mapping":
            changes.extend(_mapping_changes(spec.name, wanted, found or {}))
        elif not _same(FORMS[spec.form], wanted, found):
            changes.append(_guarded(spec, wanted, found))
    return changes


def _mapping_changes(name: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> List[Change]:
    """Only the keys that the playbook names are compared; the others are somebody else's."""
    return [
        _masked(Change("%s.%s" % (name, item), found.get(item), wanted[item]))
        for item in wanted
        if not _same(FORMS["plain"], wanted[item], found.get(item))
    ]


def _same(form: Callable[[Any], Any], wanted: Any, found: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if isinstance(wanted, Secret) or isinstance(found, Secret):
        plain_wanted = wanted.reveal() if isinstance(wanted, Secret) else wanted
        plain_found = found.reveal() if isinstance(found, Secret) else found
        return bool(form(plain_wanted) == form(plain_found))
    return bool(form(wanted) == form(found))


def _guarded(spec: FieldSpec, wanted: Any, found: Any) -> Change:
    change = Change(spec.name, found, wanted)
    if spec.secret or (spec.form == "json" and holds_secret(wanted)):
        change = Change(spec.name, _seal(found), _seal(wanted))
    return _masked(change)


def _masked(change: Change) -> Change:
    """One secret side makes both secret: the old password is as secret as the new one."""
    if isinstance(change.before, Secret) or isinstance(change.after, Secret):
        return Change(change.field, _seal(change.before), _seal(change.after))
    return change


def _seal(item: Any) -> Any:
    return item if item is None or isinstance(item, Secret) else Secret(str(item))
