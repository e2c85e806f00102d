"""Action: do an upgrade on a copy first."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, value
from guiwei.target.system import System


@dataclasses.dataclass(frozen=True)
class Rehearsal(Resource):
    """Copy an instance, upgrade the copy, compare its ledger, take the copy away. The instance itself is not touched.

    guiwei plans it by itself where a product profile has a `rehearsal:` part; its script is what the upgrade will do.
    """

    kind: ClassVar[str] = "action"
    summary: ClassVar[str] = "An upgrade that is done on a copy of the data first, and reconciled."
    summary_zh: ClassVar[str] = "先在数据副本上执行升级并对账。"
    # There is nothing to take back: what it writes is on the copy, and the copy is gone.
    undo: ClassVar[str] = "none"

    label: str = key("What it is of, usually an instance.", "演练对象，通常是实例。", example="91110108MA01A2B3C4.0")
    script: Optional[Dict[str, Any]] = value(
        "What is copied, what is done on the copy, and the ledger's query.",
        "复制的内容、在副本上执行的步骤，以及对账查询。",
        compared=False,
        example={"copy": ["/var/lib/开票软件"], "edges": [], "instance": "1", "instances": {"1": {}}, "define": []},
    )
    done: Optional[bool] = value("Do it.", "执行演练。", example=True)

    def read(self, system: System) -> Optional[State]:
        """Return that it is still to be done: it is about the data of this moment."""
        return {"done": False}

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Do it and return its receipt: `edges`, `rows` of the ledger, `bytes`, `seconds`."""
        from guiwei.target import rehearsals

        if not (state or {}).get("done"):
            return None
        script = (state or {}).get("script")
        if not isinstance(script, dict) or not script.get("copy"):
            raise ResourceError("rehearsal-empty", label=self.label)
        return rehearsals.Rehearsal(system, script).run()
