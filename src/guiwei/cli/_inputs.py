"""What the command line and the inventory give to every play, whatever the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guiwei.model.playbook import Play

__all__ = ["Inputs", "bundled"]


def bundled(folder: str) -> Path:
    """Return one of the folders that guiwei brings: `products`, `playbooks`, `inventories`, `schemas`."""
    return Path(__file__).resolve().parent.parent / folder


@dataclass(frozen=True)
class Inputs:
    """Extra variables, groups (name → hosts) for templates, and the chosen tags."""

    extra: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]]
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]

    @staticmethod
    def product_folders(play: Play) -> list[Path]:
        """Where a play's product profile is looked for: beside the playbook, then guiwei's own."""
        return [play.folder / "products", play.folder.parent / "products", bundled("products")]
