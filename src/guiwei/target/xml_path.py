"""Paths into an XML document: the small part of XPath that names one element, its text or an attribute of it.

    /config/upload/@url
    /config/item[@name='limit']            the item whose attribute says so
    /config/param[name='limit']/value      the param whose element `name` says so
    /config/list/item[2]                   the second one

Names are compared as they are written, prefix and all: `/ns:config` is what the file calls `ns:config`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import List, NamedTuple, Optional, Tuple

from guiwei.errors import ResourceError

__all__ = ["PATH_PATTERN", "Condition", "Step", "XmlPath", "parse_path"]

_NAME = r"[^\s/@\[\]=<>&\"'!?]+"
_CONDITION = r"\[\s*(@?)(%s)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]" % _NAME
_STEP = re.compile(r"/(%s)((?:%s)*)(?:\[([1-9][0-9]*)\])?" % (_NAME, re.sub(r"\((?!\?)", "(?:", _CONDITION)))
_ATTRIBUTE = re.compile(r"/@(%s)\Z" % _NAME)

#: What a path looks like, for the field's own check; `parse_path` says the rest.
PATH_PATTERN = r"^/[^/@]"


class Condition(NamedTuple):
    """What an element must say: in an attribute, or as the text of an element in it."""

    attribute: bool
    name: str
    value: str


class Step(NamedTuple):
    """One level of a path: the element's name, its conditions, and which of several it is (1 is the first)."""

    name: str
    conditions: Tuple[Condition, ...]
    position: Optional[int]


class XmlPath(NamedTuple):
    """The elements from the root on, and the attribute of the last one, if it is one that is meant."""

    text: str
    steps: Tuple[Step, ...]
    attribute: Optional[str]


@lru_cache(maxsize=256)
def parse_path(text: str) -> XmlPath:
    """Return a path taken apart.

    Raises:
        ResourceError: it is none (`xml-path`).
    """
    steps: List[Step] = []
    at = 0
    while True:
        found = _STEP.match(text, at)
        if found is None:
            break
        conditions = tuple(
            Condition(bool(mark), name, single or double)
            for mark, name, single, double in re.findall(_CONDITION, found.group(2))
        )
        steps.append(Step(found.group(1), conditions, int(found.group(3)) if found.group(3) else None))
        at = found.end()
    attribute = _ATTRIBUTE.match(text, at)
    if not steps or (at != len(text) and attribute is None):
        raise ResourceError("xml-path", xpath=text)
    return XmlPath(text, tuple(steps), attribute.group(1) if attribute else None)
