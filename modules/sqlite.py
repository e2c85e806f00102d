"""One row of an SQLite database, or the database's schema version."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class SqliteRow(Resource):
    """Keep columns of one row; other columns and rows are left alone. Without `table`: `PRAGMA user_version`.

    A password-protected database (the 2015+ Aisino client's `cc3268.dll` is one) is not for this type: it is copied
    whole and never opened.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "One row of an SQLite table, or the database's schema version."
    summary_zh: ClassVar[str] = "SQLite 表中的一行，或数据库的结构版本。"

    path: str = key(
        "The database's absolute path.",
        "数据库的绝对路径。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/开票软件/Data/client.db",
    )
    table: str = key("Table; empty for the schema version.", "表名；空表示结构版本。", default="", example="setting")
    key: Dict[str, Any] = key(
        "Columns that identify the row.",
        "确定这一行的列。",
        default={},
        form="mapping",
        example={"name": "backup_cycle"},
    )
    row: Optional[Dict[str, Any]] = value(
        "Columns and their values.", "列及其值。", form="mapping", example={"value": "7"}
    )
    schema_version: Optional[int] = value("`PRAGMA user_version`.", "PRAGMA user_version 的值。", example=3)

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Refuse a table without a key, a row without a table, and a row that contradicts its key."""
        table, identity = arguments.get("table"), arguments.get("key") or {}
        if bool(table) != bool(identity):
            return ResourceError("sqlite-table-and-key")
        if table and arguments.get("schema_version") is not None:
            return ResourceError("sqlite-row-or-version")
        if not table and arguments.get("row") is not None:
            return ResourceError("sqlite-row-or-version")
        for name, item in (arguments.get("row") or {}).items():
            if name in identity and identity[name] != item:
                return ResourceError("sqlite-key-changed", column=name)
        return None

    def read(self, system: System) -> Optional[State]:
        """Return the whole row, or the schema version; None if it is not there."""
        if not self.table:
            version = system.rows.user_version(self.path)
            return None if version is None else {"schema_version": version}
        self._check()
        row = system.rows.row(self.path, self.table, self.key)
        return None if row is None else {"row": row}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Set columns or the schema version; remove the row."""
        if self.table:
            self._check()
            system.rows.write_row(self.path, self.table, self.key, None if state is None else state.get("row") or {})
        elif state is None:
            raise ResourceError("sqlite-absent", path=self.path)
        elif state.get("schema_version") is not None:
            system.rows.write_user_version(self.path, int(state["schema_version"]))
        return None

    def _check(self) -> None:
        if not self.key:
            raise ResourceError("sqlite-table-and-key")
