"""Probe: what a program answers when it is asked, as JSON."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Inquiry(Resource):
    """Run a client's own status command, which must change nothing, and read its JSON answer."""

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "The JSON answer of a program that only looks."
    summary_zh: ClassVar[str] = "只读查询程序返回的 JSON。"

    argv: List[str] = key(
        "The program and its arguments.", "程序及参数。", example=["/opt/lantai/bin/lantai", "--json", "status"]
    )
    timeout: float = option("Deadline in seconds.", "期限（秒）。", default=60.0, example=30.0)
    environment: Dict[str, Any] = option(
        "Added to the environment.", "追加的环境变量。", default={}, form="mapping", example={"TZ": "Asia/Shanghai"}
    )
    code: Optional[int] = value("The exit code.", "退出码。", example=0)
    answer: Optional[Dict[str, Any]] = value(
        "What the program printed.", "程序输出的内容。", form="mapping", volatile=True, example={"running": True}
    )

    def read(self, system: System) -> Optional[State]:
        """Return exit code and answer; a program that is not there answers nothing (None).

        Raises:
            ResourceError: what it printed is no JSON object (`inquiry-answer`), or it did not end in time.
        """
        import json

        try:
            result = system.run(list(self.argv), float(self.timeout), environment=self.environment)
        except ResourceError as error:
            if error.code == "command-missing":
                return None
            raise
        try:
            answer = json.loads(result.out)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            shown = (result.out + result.err).strip()[-500:]
            raise ResourceError("inquiry-answer", program=str(self.argv[0]), exit_code=result.code, output=shown)
        return {"code": result.code, "answer": answer}
