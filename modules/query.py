"""Probe: the rows of one SELECT, whatever schema the database has."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.hashing import digest
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Query(Resource):
    """Ask an SQLite database; it is opened so that nothing is left beside it and nothing in it can change."""

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "The rows of one SELECT on an SQLite database."
    summary_zh: ClassVar[str] = "对 SQLite 数据库的一次查询结果。"

    path: str = key(
        "The database's absolute path.",
        "数据库的绝对路径。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/opt/开票软件/Data/client.db",
    )
    sql: Optional[str] = option(
        "The SELECT.", "查询语句。", default=None, example="SELECT count(*) AS count FROM invoice"
    )
    by_version: Dict[str, str] = option(
        "The SELECT for each schema version.",
        "各结构版本的查询语句。",
        default={},
        form="mapping",
        example={"3": "SELECT count(*) AS count FROM invoice"},
    )
    version_sql: str = option(
        "SELECT of the schema version; its first column counts.",
        "查询结构版本的语句，取第一列。",
        default="PRAGMA user_version",
        example="SELECT value FROM meta WHERE key = 'schema'",
    )
    digest: List[str] = option(
        "Columns of which only a digest is given, whatever the order of their lines: long or private ones.",
        "只返回摘要的列（与行序无关），用于较长或私密的内容。",
        default=[],
        example=["content"],
    )
    rows: Optional[List[Dict[str, Any]]] = value("The rows.", "查询结果。", volatile=True, example=[{"count": 300}])

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Want `sql` or `by_version`, not both."""
        given = [name for name in ("sql", "by_version") if arguments.get(name)]
        return None if len(given) == 1 else ResourceError("query-one-sql", given=", ".join(given))

    def read(self, system: System) -> Optional[State]:
        """Return the rows; None if the database is not there."""
        sql = self.sql
        if sql is None:
            found = system.rows.query(self.path, self.version_sql)
            if found is None:
                return None
            version = str(next(iter(found[0].values()))) if found and found[0] else ""
            known = {str(name): text for name, text in self.by_version.items()}
            if version not in known:
                raise ResourceError("query-version", path=self.path, version=version, known=", ".join(sorted(known)))
            sql = known[version]
        rows = system.rows.query(self.path, sql)
        if rows is None:
            return None
        for name in self.digest:
            for row in rows:
                if row.get(name) is not None:
                    row[name] = _digest(str(row[name]))
        return {"rows": rows}


def _digest(text: str) -> str:
    """Of lines sorted: SQLite's group_concat promises no order."""
    lines = "\n".join(sorted(text.split("\n")))
    return digest(lines.encode("utf-8", "surrogatepass"))[:16]
