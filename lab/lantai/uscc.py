"""Fictional taxpayer ids (统一社会信用代码) with valid check digits.

GB 32100-2015: 18 characters, the last from weights 3^i mod 31; the organisation code inside it has its own check
character after GB 11714. The region is one that does not exist (99…), so that no real taxpayer can be hit.
"""

from __future__ import annotations

import random

__all__ = ["check_character", "is_valid", "usccs"]

_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def check_character(first17: str) -> str:
    """Return the 18th character for the first 17."""
    total = sum(_CHARACTERS.index(character) * pow(3, place, 31) for place, character in enumerate(first17))
    return _CHARACTERS[(31 - total % 31) % 31]


def is_valid(uscc: str) -> bool:
    """Tell whether a taxpayer id has 18 allowed characters and the right check character."""
    return (
        len(uscc) == 18
        and all(character in _CHARACTERS for character in uscc)
        and check_character(uscc[:17]) == uscc[17]
    )


def usccs(seed: int, n: int) -> list[str]:
    """Return ``n`` different fictional ids, the same for the same seed."""
    source = random.Random(seed)
    found = []  # type: list[str]
    while len(found) < n:
        organisation = "".join(source.choice("0123456789") for _ in range(8))
        total = sum(int(digit) * _ORGANISATION_WEIGHTS[place] for place, digit in enumerate(organisation))
        check = "0123456789X0"[(11 - total % 11) % 11]
        first17 = "9199{0:04d}{1}{2}".format(source.randrange(10000), organisation, check)
        uscc = first17 + check_character(first17)
        if uscc not in found:
            found.append(uscc)
    return found
