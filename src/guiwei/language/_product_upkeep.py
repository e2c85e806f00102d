"""`authentication`, `endpoints` and `maintenance` of a profile, and the days on which versions were released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.errors import InputError, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.language._arguments import check_arguments
from guiwei.language._words import closest
from guiwei.language.source import Source
from guiwei.model.product import Endpoint, StateResource
from guiwei.target.contract import fields_of, find_type

__all__ = ["AGES", "released_of", "released_schema", "upkeep_of", "upkeep_problems", "upkeep_schema"]

#: Words below `state.maintenance` that no profile may take: how old what is installed may be, in days.
AGES = ("version_age", "driver_age", "audit")
_SECTIONS = ("authentication", "maintenance")


def upkeep_schema(label: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas of these parts by their key in a profile.

    Args:
        label: of a text in both languages.
    """
    resources = {
        "type": "object",
        "propertyNames": {"pattern": r"^[a-z][a-z0-9_]*$", "not": {"enum": list(AGES)}},
        "additionalProperties": {
            "type": "object",
            "properties": {
                "label": label,
                "module": {"type": "string", "description": "Resource type that keeps it. 保持其状态的资源类型。"},
                "with": {"type": "object", "description": "Its key and option fields. 其键与选项字段。"},
                "set": {"type": "object", "description": "Value fields that the profile decides. 由描述文件决定的值。"},
                "value": {
                    "type": "string",
                    "description": "Field that a single value in `state:` is. state 中只写一个值时对应的字段。",
                },
                "restart": {"type": "boolean"},
                "risk": {"enum": ["ordinary", "professional"]},
            },
            "required": ["label", "module", "with"],
            "additionalProperties": False,
        },
    }
    return {
        "authentication": {
            **resources,
            "description": "Certificates that the client needs; `state:` gives their content. 客户端所需的证书。",
        },
        "maintenance": {
            **resources,
            "description": "Jobs of upkeep, such as a weekly backup; `state:` gives the time. 维护任务，如每周备份。",
        },
        "endpoints": {
            "type": "object",
            "description": "Servers that must answer steadily. 必须稳定应答的服务器。",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "label": label,
                    "address": {
                        "type": "string",
                        "description": "URL by the client's own settings. 客户端自身设置中的网址。",
                    },
                    "probe": {
                        "enum": ["tcp", "http"],
                        "description": "`tcp`: it accepts connections (default, for 国密 too); `http`: it answers. "
                        "tcp：可建立连接（默认，国密也适用）；http：有应答。",
                    },
                    "parameter": {
                        "type": "string",
                        "description": "Path of the parameter that holds it. 保存该地址的参数路径。",
                    },
                    "province": {
                        "type": "string",
                        "description": "Instance field that begins with the province. 前两位为省份代码的字段。",
                    },
                },
                "required": ["label", "address"],
                "additionalProperties": False,
            },
        },
    }


def released_schema() -> dict[str, Any]:
    """Return the schema of `released`."""
    return {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Version to the day of its release, for its age. 各版本的发布日期，用于计算使用年限。",
    }


def released_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return version → day of its release."""
    return {str(version): str(day) for version, day in entry.get("released", {}).items()}


def upkeep_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return these parts of a checked profile as fields of a `Product`."""
    return {
        "resources": tuple(
            StateResource(
                path=(section, name),
                label=entry["label"],
                module=entry["module"],
                arguments=entry["with"],
                values=entry.get("set", {}),
                meant=entry.get("value"),
                restart=entry.get("restart", False),
                risk=entry.get("risk", "ordinary"),
            )
            for section in _SECTIONS
            for name, entry in data.get(section, {}).items()
        ),
        "endpoints": tuple(
            Endpoint(
                name,
                entry["label"],
                entry["address"],
                entry.get("probe", "tcp"),
                entry.get("parameter"),
                entry.get("province"),
            )
            for name, entry in data.get("endpoints", {}).items()
        ),
    }


# What is wrong with them


def upkeep_problems(source: Source) -> Iterator[InputError]:
    """Yield what is wrong with these parts, beyond the schema and their readings."""
    data: Mapping[str, Any] = source.data
    for section in _SECTIONS:
        for name, entry in data.get(section, {}).items():
            yield from _resource(source, entry, (section, name))
    paths = {entry["path"]: entry for entry in data["parameters"].values()}
    for name, entry in data.get("endpoints", {}).items():
        yield from _endpoint(source, entry, ("endpoints", name), paths)
    yield from _released(source, data.get("software", {}), ("software",))
    for name, entry in data.get("drivers", {}).items():
        yield from _released(source, entry, ("drivers", name))


def _resource(source: Source, entry: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[InputError]:
    module, given = entry["module"], entry.get("set", {})
    try:
        cls = find_type(module)
    except ResourceError:
        # Said where the type is looked at.
        return
    values = {spec.name: spec for spec in fields_of(cls) if spec.role in ("value", "supply")}
    if cls.kind != "lens":
        yield InputError("product-not-written", source.place((*path, "module")), module=module)
    for name in given:
        if name not in values:
            known = ", ".join(values)
            yield InputError(
                "product-field", source.key_place((*path, "set", name)), module=module, field=name, known=known
            )
    known_values = {name: item for name, item in given.items() if name in values}
    for error in check_arguments(
        module, known_values, lambda below: source.place((*path, "set", *below)), complete=False
    ):
        # What goes together is seen once a playbook has said the rest.
        if error.code.startswith("field-"):
            yield error
    meant = entry.get("value")
    if meant is not None and meant not in values:
        known = ", ".join(values)
        yield InputError("product-field", source.place((*path, "value")), module=module, field=meant, known=known)


def _endpoint(
    source: Source, entry: Mapping[str, Any], path: tuple[str, ...], parameters: Mapping[str, Mapping[str, Any]]
) -> Iterator[InputError]:
    parameter, province = entry.get("parameter"), entry.get("province")
    fields = source.data["instance"]["fields"]
    told = parameters.get(str(parameter), {})
    if parameter is not None and (told.get("type"), told.get("kind")) != ("url", "settable"):
        near = closest(parameter, [name for name, each in parameters.items() if each["type"] == "url"])
        yield InputError("product-endpoint-parameter", source.place((*path, "parameter")), path=parameter, near=near)
    if province is not None and fields.get(province, {}).get("type") != "digits6":
        near = closest(province, [name for name, each in fields.items() if each["type"] == "digits6"])
        yield InputError("product-endpoint-province", source.place((*path, "province")), field=province, near=near)


def _released(source: Source, entry: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[InputError]:
    for version, day in entry.get("released", {}).items():
        where = (*path, "released", version)
        try:
            check_value("date", day, str(version))
        except InputError as error:
            yield InputError(error.code, source.place(where), **error.arguments)
