"""Reading on the PC: facts, what a product defines, then every resource, in one go."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from guiwei.errors import GuiweiError, ResourceError
from guiwei.target.contract import compose, fill
from guiwei.target.facts import gather
from guiwei.target.system import System, convert_os_error

__all__ = ["contexts_of", "guarded", "observe", "read_resource"]


def observe(system: System, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Answer one observation.

    Args:
        request: `instances` (id → values), `define` (ordered definitions of `facts.` and `instance.` values) and
            `reads` (id, module, with, instance).

    Returns:
        `facts`, `instances` (their values filled in), `states` (id → state or None) and `errors` (id → error).
    """
    system.forget()
    try:
        contexts = contexts_of(system, request)
        states: Dict[str, Any] = {}
        errors: Dict[str, Any] = {}
        for read in request["reads"]:
            try:
                states[read["id"]] = read_resource(system, read, contexts[read.get("instance") or ""])
            except GuiweiError as error:
                errors[read["id"]] = error.to_wire()
        return {
            "facts": contexts[""]["facts"],
            "instances": {name: context["instance"] for name, context in contexts.items() if name},
            "states": states,
            "errors": errors,
        }
    finally:
        system.close()


def contexts_of(system: System, request: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Return what references resolve against: one context for the host (key "") and one for each instance."""
    facts = gather(system.files, system.state_dir)
    contexts: Dict[str, Dict[str, Any]] = {"": {"facts": facts, "instance": {}}}
    for name, values in request.get("instances", {}).items():
        contexts[name] = {"facts": facts, "instance": dict(values)}
    for definition in request.get("define", ()):
        names = [name for name in contexts if name] if definition.get("instance") else [""]
        for name in names:
            _define(system, definition, contexts[name])
    return contexts


def _define(system: System, definition: Mapping[str, Any], context: Dict[str, Any]) -> None:
    """Give one name its value: a text with references, or one field of what a resource reads.

    A definition whose reference is undefined leaves its name undefined: whatever needs it says so by itself.
    """
    holder = context["instance"] if definition.get("instance") else context["facts"]
    try:
        if "text" in definition:
            holder[definition["name"]] = fill(definition["text"], context)
            return
        state = read_resource(system, definition, context)
    except ResourceError:
        return
    if state is not None and state.get(definition["field"]) is not None:
        holder[definition["name"]] = state[definition["field"]]
    elif "default" in definition:
        holder[definition["name"]] = fill(definition["default"], context)


def read_resource(system: System, read: Mapping[str, Any], context: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Read one resource whose arguments may hold references.

    Raises:
        ResourceError: it cannot be read.
    """
    resource = compose(read["module"], fill(dict(read["with"]), context))
    return guarded(resource.read, system)  # type: ignore[no-any-return]


def guarded(call: Any, *arguments: Any) -> Any:
    """Call, and turn what the operating system says into a resource error."""
    try:
        return call(*arguments)
    except OSError as error:
        raise convert_os_error(error) from error


def reads_of(request: Mapping[str, Any]) -> List[str]:
    """Return the ids that a request reads."""
    return [read["id"] for read in request["reads"]]
