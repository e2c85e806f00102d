"""A job that the PC runs every day or every week."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
import os
from typing import Any, ClassVar, List, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.jobs import Job, Texts, cron_text, differing, normal_when, read_cron, read_units, unit_texts
from guiwei.target.links import read_link, set_link
from guiwei.target.system import System

_CRON = "/etc/cron.d/"
_UNITS = "/etc/systemd/system/"
_WANTS = _UNITS + "timers.target.wants/"
#: Where a running systemd is to be seen; source: sd_booted(3).
_SYSTEMD_RUNS = "/run/systemd/system"


@dataclasses.dataclass(frozen=True)
class Schedule(Resource):
    """Keep a job in files of its own: one in /etc/cron.d, or a timer and a service of systemd.

    Times are the PC's own. A systemd job whose time passes while the PC is off runs at the next start; cron skips it.
    Whatever else stands in those files is a difference (`foreign`), and goes.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A job that the PC runs every day or every week."
    summary_zh: ClassVar[str] = "本机每天或每周运行的任务。"
    # Files go back by their before-images; what systemd has loaded of them, by writing the state.
    undo: ClassVar[str] = "state"

    name: str = key(
        "The job's name: letters, digits, `-` and `_`, as cron wants file names.",
        "任务名：字母、数字、- 和 _（cron 对文件名的要求）。",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]*|\{\{.*)$",
        example="kaipiao-backup",
    )
    provider: str = option(
        "`systemd`: timer and service; `cron`: a file in /etc/cron.d.",
        "systemd：定时器和服务；cron：/etc/cron.d 中的文件。",
        default="systemd",
        choices=["systemd", "cron"],
        example="cron",
    )
    when: Optional[Any] = value(
        "`daily 03:00` or `weekly Mon 03:00` (周一 too), or a mapping of `weekday` and `time`.",
        "daily 03:00 或 weekly Mon 03:00（也可写周一），或由 weekday、time 组成的映射。",
        example="weekly Mon 03:00",
    )
    argv: Optional[List[str]] = value(
        "The program by its absolute path and its arguments, without a shell; no secrets.",
        "程序的绝对路径及参数，不经过 shell，不得含密码。",
        example=["/opt/lantai/bin/lantai", "backup"],
    )
    user: Optional[str] = value(
        "Who runs it; root if not given.",
        "运行任务的用户，默认 root。",
        pattern=r"^[A-Za-z0-9_][\w.$-]*$",
        example="root",
    )
    enabled: Optional[bool] = value(
        "It is in force; always wanted.", "任务已生效；总是要求。", choices=[True], example=True
    )
    foreign: Optional[List[str]] = value(
        "Lines of its files that are not the job's, and `- ` before those that are missing; none are wanted.",
        "其文件中不属于该任务的行，缺少的行前加“- ”；总是要求没有。",
        example=[],
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Want time and program together, each in its form."""
        when, argv = arguments.get("when"), arguments.get("argv")
        if (when is None) != (argv is None) or (when is None and arguments.get("user") is not None):
            return ResourceError("schedule-incomplete")
        if when is not None and "{{" not in str(when) and normal_when(when) is None:
            return ResourceError("schedule-when", when=str(when))
        words = argv if isinstance(argv, list) else []
        if argv == [] or (words and not str(words[0]).startswith(("/", "{{"))):
            return ResourceError("schedule-program", program=str(words[0]) if words else "")
        # What cron makes of a backslash differs from one cron to the other.
        bad = "\n\r\0" + ("\\" if arguments.get("provider") == "cron" else "")
        if any(not isinstance(word, str) or set(word) & set(bad) for word in words):
            return ResourceError("schedule-argument")
        return None

    def read(self, system: System) -> Optional[State]:
        """Return the job, whether it is in force, and what else stands in its files."""
        return self._found(system)

    def _found(self, system: System) -> Optional[State]:
        _refuse_windows()
        if self.provider == "cron":
            text = _text(system, _CRON + self.name)
            if text is None:
                return None
            job = read_cron(text)
            others = text.split("\n") if job is None else differing(text, cron_text(self.name, job))
        else:
            service, timer = (_text(system, path) for path in self._units())
            if service is None and timer is None and not self._loaded(system):
                return None
            texts = Texts(service or "", timer or "")
            job = read_units(texts)
            wanted = texts if job is None else unit_texts(self.name, job)
            others = differing(texts.service, wanted.service) + differing(texts.timer, wanted.timer)
            if job is None:
                others = (texts.service + texts.timer).split("\n")
        state: State = {"enabled": self._in_force(system), "foreign": others}
        if job is not None:
            state.update(job._asdict())
        return state

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Write the job's files, have them in force, and tell systemd, if it runs; or take the job away."""
        there = self._found(system) or {}
        if state is None:
            self._remove(system)
            return None
        wanted = dict(there, **{name: item for name, item in state.items() if item is not None})
        if wanted.get("when") is None or wanted.get("argv") is None:
            # What is foreign as a whole goes back by its before-image; here only its being in force is left.
            if state.get("foreign") and state["foreign"] == there.get("foreign"):
                self._enable(system, bool(state.get("enabled", True)))
                return None
            raise ResourceError("schedule-incomplete")
        changed = any(wanted.get(name) != there.get(name) for name in ("when", "argv", "user", "foreign"))
        if changed:
            job = Job(str(normal_when(wanted["when"])), list(wanted["argv"]), wanted.get("user") or "root")
            self._write_files(system, job)
        self._enable(system, bool(wanted.get("enabled", True)))
        return None

    def normal(self, state: State) -> State:
        """Return the time in its one form, and what every job is wanted to be."""
        found = dict(state, enabled=True, foreign=[])
        if state.get("when") is not None:
            found["when"] = normal_when(state["when"]) or state["when"]
            found["user"] = state.get("user") or "root"
        return found

    def _units(self) -> "tuple[str, str]":
        return _UNITS + self.name + ".service", _UNITS + self.name + ".timer"

    def _write_files(self, system: System, job: Job) -> None:
        if self.provider == "cron":
            if _is_machine(system) and not any(system.files.stat("/usr/sbin/" + one) for one in ("cron", "crond")):
                raise ResourceError("schedule-no-cron", job=self.name)
            system.files.make_folder(_CRON.rstrip("/"))
            system.files.write(_CRON + self.name, cron_text(self.name, job).encode("utf-8"), "0644")
            return
        system.files.make_folder(_UNITS.rstrip("/"))
        for path, text in zip(self._units(), unit_texts(self.name, job)):
            system.files.write(path, text.encode("utf-8"), "0644")

    def _in_force(self, system: System) -> bool:
        if self.provider == "cron":
            # cron passes over a file that others than root may write; source: cron(8).
            found = system.files.stat(_CRON + self.name)
            return found is not None and not int(found.mode, 8) & 0o022
        timer = self._units()[1]
        if read_link(system.files, self._link()) not in (timer, os.path.relpath(timer, _WANTS)):
            return False
        return not _systemd_runs(system) or (self._loaded(system) and not self._outdated(system))

    def _link(self) -> str:
        return _WANTS + self.name + ".timer"

    def _enable(self, system: System, wanted: bool) -> None:
        if self._in_force(system) == wanted:
            return
        if self.provider == "cron":
            system.files.set_mode(_CRON + self.name, "0644")
            return
        if wanted:
            system.files.make_folder(_WANTS.rstrip("/"))
            set_link(system.files, self._link(), self._units()[1])
        self._systemctl(system, "daemon-reload")
        # The new time counts from here on.
        self._systemctl(system, "restart" if wanted else "stop", self.name + ".timer")

    def _remove(self, system: System) -> None:
        if self.provider == "cron":
            system.files.remove(_CRON + self.name)
            return
        if self._loaded(system):
            self._systemctl(system, "stop", self.name + ".timer")
        set_link(system.files, self._link(), None)
        for path in self._units():
            system.files.remove(path)
        self._systemctl(system, "daemon-reload")

    def _loaded(self, system: System) -> bool:
        """Tell whether systemd waits for the job's time, even if its files are gone."""
        return "ActiveState=active" in self._systemctl(system, "show", "-p", "ActiveState", self.name + ".timer")

    def _outdated(self, system: System) -> bool:
        """Tell whether systemd knows the files as they were before, after a rollback for one."""
        units = (self.name + ".timer", self.name + ".service")
        return "NeedDaemonReload=yes" in self._systemctl(system, "show", "-p", "NeedDaemonReload", *units)

    def _systemctl(self, system: System, *words: str) -> str:
        """Ask systemd, where it is this PC's and runs; below another root it would be somebody else's."""
        if not _systemd_runs(system):
            return ""
        return system.run(["systemctl", *words], 30.0).out


def _refuse_windows() -> None:
    if os.name == "nt":
        raise ResourceError("schedule-windows")


def _is_machine(system: System) -> bool:
    return system.root in ("/", "")


def _systemd_runs(system: System) -> bool:
    return _is_machine(system) and system.files.stat(_SYSTEMD_RUNS) is not None


def _text(system: System, path: str) -> Optional[str]:
    data = system.files.read(path)
    # Bytes that are no text cannot be the job's, and stay to be seen.
    return None if data is None else data.decode("utf-8", "backslashreplace")
