"""Recurring jobs as cron and systemd keep them: their exact text, and what of a text is theirs.

Sources: crontab(5) (`%` is a line end unless it is `\\%`), systemd.service(5) and systemd.time(7).
"""

from __future__ import annotations

import re
import shlex
from typing import Any, List, Mapping, NamedTuple, Optional

__all__ = ["Job", "Texts", "cron_text", "differing", "normal_when", "read_cron", "read_units", "unit_texts"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CHINESE = {"周" + number: day for number, day in zip("一二三四五六日", _DAYS)}
_WHEN = re.compile(r"(?:daily|weekly\s+(\S+))\s+([0-9]{1,2}):([0-9]{2})\Z")

_CRON_LINE = re.compile(r"([0-9]+) ([0-9]+) \* \* ([0-7]|\*) (\S+) (.+)\Z")
_CALENDAR = re.compile(r"OnCalendar=(?:(\w{3}) )?\*-\*-\* ([0-9]{2}):([0-9]{2}):00\Z")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")


class Job(NamedTuple):
    """A job: `when` in its normal form, the program with its arguments, and who runs it."""

    when: str
    argv: List[str]
    user: str


class Texts(NamedTuple):
    """The two units of a systemd job."""

    service: str
    timer: str


def normal_when(when: Any) -> Optional[str]:
    """Return `daily 03:00` or `weekly Mon 03:00`; None if it is no time.

    Args:
        when: such a text, with 周一 … 周日 for the days too, or a mapping of `time` and maybe `weekday`.
    """
    if isinstance(when, Mapping):
        if set(when) - {"weekday", "time"}:
            return None
        day = when.get("weekday")
        when = ("daily" if day is None else "weekly %s" % day) + " %s" % when.get("time")
    found = _WHEN.match(str(when).strip())
    if found is None or int(found.group(2)) > 23 or int(found.group(3)) > 59:
        return None
    day = found.group(1)
    time = "%02d:%s" % (int(found.group(2)), found.group(3))
    if day is None:
        return "daily " + time
    day = _CHINESE.get(day, day[:1].upper() + day[1:].lower())
    return "weekly %s %s" % (day, time) if day in _DAYS else None


def cron_text(name: str, job: Job) -> str:
    """Return the file of a job in /etc/cron.d."""
    day, hour, minute = _parts(job.when)
    command = " ".join(shlex.quote(word) for word in job.argv).replace("%", "\\%")
    number = "*" if day is None else str(_DAYS.index(day) + 1)
    return (
        "# %s, kept by guiwei\n"
        "SHELL=/bin/sh\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "%d %d * * %s %s %s\n" % (name, minute, hour, number, job.user, command)
    )


def read_cron(text: str) -> Optional[Job]:
    """Return the job of a file in /etc/cron.d, None if there is none of this kind in it."""
    for line in text.split("\n"):
        found = _CRON_LINE.match(line)
        if found is None:
            continue
        try:
            argv = shlex.split(found.group(5).replace("\\%", "%"))
        except ValueError:
            continue
        day = found.group(3)
        days = "daily" if day == "*" else "weekly " + _DAYS[(int(day) + 6) % 7]
        when = normal_when("%s %s:%02d" % (days, found.group(2), int(found.group(1))))
        if when is not None:
            return Job(when, argv, found.group(4))
    return None


def unit_texts(name: str, job: Job) -> Texts:
    """Return the units of a job in /etc/systemd/system; a time that is missed is made good at the next start."""
    day, hour, minute = _parts(job.when)
    head = "# Kept by guiwei\n[Unit]\nDescription=%s\n\n" % name
    service = head + "[Service]\nType=oneshot\nUser=%s\nExecStart=%s\n" % (
        job.user,
        " ".join(_unit_word(word) for word in job.argv),
    )
    calendar = "%s*-*-* %02d:%02d:00" % ("" if day is None else day + " ", hour, minute)
    timer = head + "[Timer]\nOnCalendar=%s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n" % calendar
    return Texts(service, timer)


def read_units(texts: Texts) -> Optional[Job]:
    """Return the job of two units, None if there is none of this kind in them."""
    calendar = _setting(_CALENDAR, texts.timer)
    user = _setting(re.compile(r"User=(\S+)\Z"), texts.service)
    command = _setting(re.compile(r"ExecStart=(.+)\Z"), texts.service)
    if calendar is None or user is None or command is None:
        return None
    days = "daily" if calendar.group(1) is None else "weekly " + calendar.group(1)
    when = normal_when("%s %s:%s" % (days, calendar.group(2), calendar.group(3)))
    argv = [_plain_word(found.group(1)) for found in _QUOTED.finditer(command.group(1))]
    if when is None or " ".join(_unit_word(word) for word in argv) != command.group(1):
        return None
    return Job(when, argv, user.group(1))


def differing(text: str, wanted: str) -> List[str]:
    """Return how a text differs from the wanted one: its own other lines, and `- ` before those that it lacks."""
    if text == wanted:
        return []
    there, left = text.split("\n"), wanted.split("\n")
    others = []
    for line in there:
        if line in left:
            left.remove(line)
        else:
            others.append(line)
    # The same lines in another order.
    return others + ["- " + line for line in left] or there


def _parts(when: str) -> "tuple[Optional[str], int, int]":
    words = when.split()
    hour, minute = words[-1].split(":")
    return (words[1] if words[0] == "weekly" else None), int(hour), int(minute)


def _unit_word(word: str) -> str:
    """In a unit `%` and `$` mean something and a backslash escapes, inside quotes too."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return '"%s"' % escaped.replace("\n", "\\n").replace("\t", "\\t")


def _plain_word(quoted: str) -> str:
    known = {"n": "\n", "t": "\t"}
    text = re.sub(r"\\(.)", lambda found: known.get(found.group(1), found.group(1)), quoted)
    return text.replace("%%", "%").replace("$$", "$")


def _setting(pattern: "re.Pattern[str]", text: str) -> Optional["re.Match[str]"]:
    return next((found for found in map(pattern.match, text.split("\n")) if found), None)
