"""One service: a client's own process, or a systemd unit."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
import os
import signal
import time
from typing import Any, Callable, ClassVar, Dict, List, Mapping, Optional, Tuple

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System

#: Seconds between two looks while waiting.
PAUSE = 0.02
#: Seconds to go on looking after a command has ended with an exit code that says no.
REFUSED = 3.0


@dataclasses.dataclass(frozen=True)
class Service(Resource):
    """Keep a service running or stopped. Whether it runs is looked at; no exit code is believed.

    Provider `process` starts and stops a client by its own commands, which must return by themselves; `unit` is
    systemd's. A client in use is not stopped by this type on its own: the gates ask first.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A service that runs, is stopped, or is restarted."
    summary_zh: ClassVar[str] = "一个服务的运行、停止或重启。"
    undo: ClassVar[str] = "state"

    name: str = key("Name; for `unit` the unit's.", "名称；unit 时为单元名。", example="lantai")
    provider: str = option(
        "`process`: its own commands; `unit`: systemd.",
        "process：自带命令；unit：systemd。",
        default="process",
        choices=["process", "unit"],
    )
    start: Optional[List[str]] = option(
        "Command that starts it and returns.",
        "启动命令，须自行返回。",
        default=None,
        example=["/opt/lantai/bin/lantai", "start"],
    )
    stop: Optional[List[str]] = option(
        "Command that stops it; without one it gets SIGTERM.",
        "停止命令；没有则发送 SIGTERM。",
        default=None,
        example=["/opt/lantai/bin/lantai", "stop"],
    )
    status: Optional[List[str]] = option(
        "Command whose exit code 0 says that it runs.",
        "退出码 0 表示正在运行的命令。",
        default=None,
        example=["/usr/bin/pgrep", "-x", "lantai"],
    )
    pid_file: Optional[str] = option(
        "File that holds its process id.", "保存进程号的文件。", default=None, example="/run/lantai/lantai.pid"
    )
    ready: Optional[Dict[str, Any]] = option(
        "What is there once it is up: `tcp` (a port of this PC) or `file`.",
        "就绪标志：tcp（本机端口）或 file。",
        default=None,
        form="mapping",
        example={"tcp": 7001},
    )
    timeout: float = option(
        "Deadline of starting and of stopping, in seconds.", "启动、停止的期限（秒）。", default=60.0, example=90.0
    )
    force: bool = option(
        "End a process that does not stop in time (it hangs); unsaved work is lost.",
        "超时未停止时强制结束进程，未保存的内容会丢失。",
        default=False,
        example=True,
    )
    running: Optional[bool] = value("Whether it runs.", "是否运行。", example=True)
    enabled: Optional[bool] = value(
        "Whether it starts with the PC; `unit` alone.", "是否开机启动，仅 unit。", example=True
    )
    restarted: Optional[bool] = value(
        "Restart it; an event, so it always differs.", "重启；为一次性动作，总是执行。", volatile=True, example=True
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Want a way to tell whether it runs, and no contradiction."""
        if arguments.get("restarted") and arguments.get("running") is False:
            return ResourceError("service-contradiction")
        if arguments.get("provider", "process") == "unit":
            return None
        if arguments.get("enabled") is not None:
            return ResourceError("service-enabled-unit")
        if not arguments.get("status") and not arguments.get("pid_file"):
            return ResourceError("service-no-status")
        return None

    def read(self, system: System) -> Optional[State]:
        """Return whether it runs and, of a unit, whether it is enabled; `restarted` is always False."""
        state: State = {"running": self._runs(system), "restarted": False}
        if self.provider == "unit":
            state["enabled"] = self._systemctl(system, "is-enabled") == 0
        return state

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Enable or disable, then stop, start or restart, and wait until it is so."""
        if state is None:
            raise ResourceError("service-absent", service=self.name)
        if state.get("enabled") is not None and self.provider == "unit":
            self._enable(system, bool(state["enabled"]))
        wanted = True if state.get("restarted") else state.get("running")
        runs = self._runs(system)
        if runs and (wanted is False or state.get("restarted")):
            self._stop(system)
            runs = False
        if wanted and not runs:
            self._start(system)
        return None

    def _enable(self, system: System, wanted: bool) -> None:
        if (self._systemctl(system, "is-enabled") == 0) != wanted:
            self._systemctl(system, "enable" if wanted else "disable")

    def _runs(self, system: System) -> bool:
        if self.provider == "unit":
            return self._systemctl(system, "is-active") == 0
        if self.pid_file is not None and self._pid(system) is None:
            return False
        if self.status is not None:
            return system.run(list(self.status), float(self.timeout)).code == 0
        if self.pid_file is None:
            raise ResourceError("service-no-status")
        return True

    def _pid(self, system: System) -> Optional[int]:
        """Return the id in the pid file if that process is alive."""
        from guiwei.target.processes import alive

        system.files.forget()
        words = (system.files.read(str(self.pid_file)) or b"").split()
        if not words or not words[0].isdigit():
            return None
        return int(words[0]) if alive(int(words[0])) else None

    def _systemctl(self, system: System, verb: str) -> int:
        if system.root not in ("/", ""):
            # systemd is the machine's own: below another root it would be somebody else's service.
            raise ResourceError("service-unit-root", service=self.name, root=system.root)
        return system.run(["systemctl", verb, self.name], float(self.timeout)).code

    def _start(self, system: System) -> None:
        code, said = 0, ""
        if self.provider == "unit":
            self._systemctl(system, "start")
        elif self.start is None:
            raise ResourceError("service-no-command", service=self.name, missing="start")
        else:
            code, said = self._told(system, self.start)
        if not self._wait(lambda: self._runs(system) and self._ready(system), code):
            raise ResourceError("service-not-started", service=self.name, seconds=self._patience(code), output=said)

    def _stop(self, system: System) -> None:
        pid = self._pid(system) if self.pid_file is not None else None
        failure: Optional[ResourceError] = None
        code, said = 0, ""
        try:
            code, said = self._ask_to_stop(system, pid)
        except ResourceError as error:
            if error.code != "command-timeout":
                raise
            failure = error
        if failure is None and self._wait(lambda: not self._runs(system), code):
            return
        refused = ResourceError("service-not-stopped", service=self.name, seconds=self._patience(code), output=said)
        if not self.force or pid is None:
            raise failure or refused
        from guiwei.target.processes import alive, end_tree

        end_tree(pid)
        if not self._wait(lambda: not alive(pid)):
            raise refused

    def _ask_to_stop(self, system: System, pid: Optional[int]) -> Tuple[int, str]:
        if self.provider == "unit":
            return self._systemctl(system, "stop"), ""
        if self.stop is not None:
            return self._told(system, self.stop)
        if pid is None or os.name == "nt":
            raise ResourceError("service-no-command", service=self.name, missing="stop")
        os.kill(pid, signal.SIGTERM)
        return 0, ""

    def _told(self, system: System, argv: List[str]) -> Tuple[int, str]:
        result = system.run(list(argv), float(self.timeout))
        text = (result.out + result.err).strip()[-500:]
        return result.code, "%d: %s" % (result.code, text) if result.code else text

    def _ready(self, system: System) -> bool:
        ready = self.ready or {}
        if ready.get("file") is not None and system.files.stat(str(ready["file"])) is None:
            return False
        if ready.get("tcp") is None:
            return True
        import socket

        try:
            socket.create_connection(("127.0.0.1", int(ready["tcp"])), 1.0).close()
        except OSError:
            return False
        return True

    def _patience(self, code: int) -> float:
        """A command that says no (a client in use) is believed soon: nothing more will come of it."""
        return min(float(self.timeout), REFUSED) if code else float(self.timeout)

    def _wait(self, condition: Callable[[], bool], code: int = 0) -> bool:
        """Look again and again; what is so already is seen at once.

        Args:
            code: exit code of the command that was to bring it about.
        """
        end = time.monotonic() + self._patience(code)
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE)
        return True
