"""paramiko, loaded without what guiwei never uses of it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["load_paramiko"]


def load_paramiko() -> None:
    """Load paramiko, if it is not loaded yet, without `invoke`.

    Its reader of OpenSSH's settings file takes `invoke` where that is there, for `Match exec`. guiwei has no use for
    that reader, and `invoke` brings `unittest.mock` and `asyncio`: a fifth of what starting costs.
    """
    if "paramiko" in sys.modules or "invoke" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    # None in this place is the import system's word for "there is no such module".
    modules["invoke"] = None
    try:
        import paramiko  # noqa: F401
    finally:
        del modules["invoke"]
