"""Which version works with which database schema, and the steps between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors
from .paths import program_version

if TYPE_CHECKING:
    from .store2 import Store2

__all__ = ["program_schema", "schema_of_version", "step", "store_for"]

_SCHEMAS = {"2.4.0": "2", "3.0.0": "3", "3.1.0": "3.1"}
_ORDER = ["2", "3", "3.1"]


def program_schema() -> str:
    """Return the schema that this program works with."""
    return schema_of_version(program_version())


def schema_of_version(version: str) -> str:
    """Return the schema of a version."""
    return _SCHEMAS[version]


def version_of_schema(schema: str) -> str:
    """Return the version that brought a schema in."""
    return {value: key for key, value in _SCHEMAS.items()}[schema]


def step(current: str, target: str) -> bool:
    """Tell whether a migration is due.

    :raises Refusal: VERSION_STEP when a version in between must come first, or the database is newer.
    """
    if current == target:
        return False
    if current not in _ORDER or _ORDER.index(current) > _ORDER.index(target):
        raise errors.Refusal(errors.VERSION_STEP, "数据库版本 {0} 高于程序版本 {1}，不能降级".format(current, target))
    if _ORDER.index(target) - _ORDER.index(current) > 1:
        between = version_of_schema(_ORDER[_ORDER.index(current) + 1])
        raise errors.Refusal(
            errors.VERSION_STEP,
            "不能跨版本升级：必须先升级到 {0} 并启动一次（must pass {1}）".format(between, between[:3]),
            must_pass=between,
        )
    return True


def store_for(schema: str) -> Store2:
    """Return the code that reads and writes a schema.

    :raises Refusal: VERSION_STEP when this program does not know the schema.
    """
    from .store2 import Store2

    if schema == "2":
        return Store2()
    if _ORDER.index(program_schema()) == 0 or schema not in _ORDER:
        raise errors.Refusal(errors.VERSION_STEP, "程序版本 {0} 不认识数据库版本 {1}".format(program_version(), schema))
    from .store3 import Store3, Store31

    return Store3() if schema == "3" else Store31()
