"""The table of docs/situations.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

from situations_cases import Situation
from situations_clinic import Symptom

from guiwei.invoicing.diagnosis import CAUSES
from guiwei.report.words import Words

__all__ = ["Row", "markdown", "sharing"]

HEAD = """\
# Situations: what happens to invoicing PCs, and what guiwei makes of it

Written by the tests (`GUIWEI_PROOF=1 pytest tests/situations`), on the reference client of `lab/`, never by hand. Each
mishap is done from outside: to files, processes, ports, the record, the disk, the bureau's server. *Symptom* is what a
clerk sees who tries to work, with the client's exit code. *Rung* is the highest that `guiwei recover` had to climb; a
test fails if a diagnosis is wrong, or if a rung was too high. *Seconds* are those of this run, from diagnosis to the
proof that the client works. *By hand* are minutes as public notices give them: parameters 10–15, a crash or an upgrade
60–120, and then by a service provider; of several causes the longest counts.

每一行都由测试生成：故障由外部注入，*symptom* 是开票员看到的现象，*rung* 是恢复所用的最高一级措施，
*by hand* 是人工所需分钟数，*ledger* 是前后对账结果。

| | what was done | symptom | diagnosis | rung | seconds | by hand | ledger |
|---|---|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    """One line of the table."""

    told: tuple[str, str]
    symptom: Symptom
    causes: tuple[str, ...]
    rung: str | None
    status: str
    seconds: float
    by_hand: tuple[int, int] | None
    reconciled: bool | None

    @classmethod
    def of(cls, situation: Situation, symptom: Symptom, told: Mapping[str, Any], result: Mapping[str, Any]) -> Row:
        """Return the line of a situation that was recovered."""
        causes = tuple(finding["cause"] for finding in told["findings"] if finding["because"] is None)
        hands = [CAUSES[cause].by_hand for cause in (*causes, *(situation.later or ()))]
        known = [hand for hand in hands if hand is not None]
        return cls(
            situation.told,
            symptom,
            causes,
            told["cured"] or next((each["rung"] for each in told["rounds"]), None),
            told["status"],
            told["seconds"],
            max(known) if known else None,
            result["reconciled"],
        )

    @property
    def seen(self) -> tuple[str, int, str]:
        """The symptom without what differs from PC to PC: numbers, paths, ports."""
        message = re.sub(r"[0-9A-Z]{4,}|/\S+|\d+\.\d+\.\d+", "…", self.symptom.message)
        return self.symptom.doing, self.symptom.code, message


def sharing(rows: Mapping[str, Row]) -> list[tuple[str, str]]:
    """Return the pairs of situations that look alike to a clerk and have different causes."""
    found = []
    for (one, first), (other, second) in combinations(rows.items(), 2):
        if first.seen == second.seen and set(first.causes) != set(second.causes) and first.causes and second.causes:
            found.append((one, other))
    return found


def markdown(rows: Mapping[str, Row]) -> str:
    """Return the document."""
    english, chinese = Words("en"), Words("zh")
    lines = []
    for name, row in rows.items():
        says = f"{row.symptom.doing}, {row.symptom.code}: {_short(row.seen[2])}" if row.symptom.code else "none"
        diagnosis = (
            "<br>".join(f"{english.say(f'cause-{cause}')} {chinese.say(f'cause-{cause}')}" for cause in row.causes)
            or f"{english.say('recover-nothing-found')} {chinese.say('recover-nothing-found')}"
        )
        rung = english.say(f"rung-{row.rung}") if row.rung else "a person" if row.status == "waiting" else "none"
        hand = "varies" if row.by_hand is None else f"{row.by_hand[0]}–{row.by_hand[1]}"
        ledger = {True: "✓", False: "✗", None: "untouched"}[row.reconciled]
        if row.status == "waiting":
            rung = rung if rung == "a person" else f"{rung}, then a person"
        cells = (
            f"`{name}`",
            f"{row.told[0]} {row.told[1]}",
            says,
            diagnosis,
            rung,
            f"{row.seconds:.1f}" if row.rung else "·",
            hand if row.causes else "·",
            ledger if row.rung else "untouched",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    pairs = "".join(f"- `{one}` and `{other}`\n" for one, other in sharing(rows))
    return HEAD + "\n".join(lines) + "\n\n## Alike to a clerk, different in cause\n\n" + pairs


def _short(text: str) -> str:
    line = text.strip().splitlines()[0]
    return line if len(line) <= 60 else line[:59] + "…"
