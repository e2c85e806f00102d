"""Before-images of states rather than of files: services, and single values in files that others write too."""

from __future__ import annotations

import json
from typing import Any, Optional

from guiwei.target.contract import State
from guiwei.target.journal import Journal
from guiwei.target.wire import encode

__all__ = ["keep_state"]


def keep_state(journal: Journal, module: str, name: str, resource: Any, state: Optional[State]) -> None:
    """Journal what a resource is now; rollback writes that state again.

    Args:
        module: the resource's type.
        name: shown by the rollback.
        state: what `read` gave.
    """
    arguments = {field: item for field, item in vars(resource).items() if item is not None}
    image = json.dumps(encode({"with": arguments, "state": state}), ensure_ascii=False).encode("utf-8")
    journal.append({"op": "state", "module": module, "step": name, "image": journal.keep(image)})
