"""Jobs of cron and systemd: times in their forms, what is refused, what is in force."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.schedule import Schedule
from guiwei.target.jobs import Job, cron_text, normal_when, read_cron, read_units, unit_texts

TIMER = "/etc/systemd/system/job.timer"
WANTS = "/etc/systemd/system/timers.target.wants"
WANTED = {"when": "weekly 周一 3:00", "argv": ["/opt/开票/bin/x", "50% $A"]}


@pytest.mark.parametrize(
    ("when", "form"),
    [
        ("daily 03:00", "daily 03:00"),
        ("daily 3:00", "daily 03:00"),
        ("weekly Mon 03:00", "weekly Mon 03:00"),
        ("weekly  mon 3:05", "weekly Mon 03:05"),
        ("weekly 周日 23:59", "weekly Sun 23:59"),
        ({"time": "03:00"}, "daily 03:00"),
        ({"weekday": "周三", "time": "3:00"}, "weekly Wed 03:00"),
        ("weekly 03:00", None),
        ("weekly Mond 03:00", None),
        ("daily 24:00", None),
        ("daily 03:60", None),
        ("hourly", None),
        ({"time": "03:00", "day": 1}, None),
        ({"weekday": "Mon"}, None),
    ],
    ids=str,
)
def test_a_time_has_one_form(when: Any, form: str | None) -> None:
    assert normal_when(when) == form


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"when": "daily 03:00"}, "schedule-incomplete"),
        ({"argv": ["/bin/x"]}, "schedule-incomplete"),
        ({"user": "root"}, "schedule-incomplete"),
        ({"when": "daily", "argv": ["/bin/x"]}, "schedule-when"),
        ({"when": "daily 03:00", "argv": []}, "schedule-program"),
        ({"when": "daily 03:00", "argv": ["x"]}, "schedule-program"),
        ({"when": "daily 03:00", "argv": ["/bin/x", "a\nb"]}, "schedule-argument"),
        ({"when": "daily 03:00", "argv": ["/bin/x", "a\\b"], "provider": "cron"}, "schedule-argument"),
        ({"when": "daily 03:00", "argv": ["/bin/x", "a\\b"], "provider": "systemd"}, None),
        ({"when": "{{ when }}", "argv": ["{{ facts.interpreter }}"]}, None),
        ({}, None),
    ],
)
def test_arguments_that_make_no_job(arguments: dict[str, Any], code: str | None) -> None:
    error = Schedule.check_arguments(arguments)
    assert (None if error is None else error.code) == code


def test_a_shell_reads_the_line_as_it_was_meant() -> None:
    words = ["/bin/echo", "a b", "50% $HOME", "'\"", "", "税;#&"]
    line = cron_text("job", Job("daily 03:00", words, "root")).splitlines()[-1]
    # cron takes the backslash before a percent sign away, and gives the rest to the shell.
    command = line.split(" ", 6)[6].replace("\\%", "%").replace("/bin/echo", "printf '%s\\n'", 1)
    assert (
        subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
        == words[1:]
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_units(pc: Pc) -> None:
    job = Job("weekly Mon 03:00", ["/bin/echo", "a b", "50% $HOME", "\"'"], "root")
    for name, text in zip(("job.service", "job.timer"), unit_texts("job", job), strict=True):
        path = pc.put(f"/{name}", text)
        done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
        assert "job." not in done.stderr, done.stderr


def test_both_forms_are_read_back() -> None:
    for when in ("daily 00:00", "weekly Sun 23:59"):
        job = Job(when, ["/bin/x", "", "a'b", 'c"d', "%$;"], "kaipiao")
        assert read_cron(cron_text("job", job)) == job
        assert read_units(unit_texts("job", job)) == job
    assert read_cron("# nothing\n* * * * * root /bin/x\n@daily root x\n0 3 * * * root 'open\n") is None


def test_a_timer_is_in_force_by_its_link(pc: Pc) -> None:
    job = Schedule("job")
    assert job.read(pc.reader()) is None
    job.write(pc.writer(), job.normal(dict(WANTED)))
    link = pc.root / WANTS.lstrip("/") / "job.timer"
    assert os.readlink(link) == TIMER
    assert job.read(pc.reader()) == {
        "when": "weekly Mon 03:00", "argv": WANTED["argv"], "user": "root", "enabled": True, "foreign": [],
    }  # fmt: skip
    link.unlink()
    found = job.read(pc.reader())
    assert found is not None
    assert (found["enabled"], found["foreign"]) == (False, [])


def test_what_others_added_is_seen_and_goes(pc: Pc) -> None:
    job = Schedule("job", "cron")
    job.write(pc.writer(), job.normal(dict(WANTED)))
    path = pc.root / "etc/cron.d/job"
    path.write_bytes(path.read_bytes() + b"* * * * * root /tmp/x\n")
    found = job.read(pc.reader())
    assert found is not None
    assert found["foreign"] == ["* * * * * root /tmp/x"]
    job.write(pc.writer(), job.normal(dict(WANTED)))
    assert b"/tmp/x" not in path.read_bytes()
    # cron passes over a file that others may write.
    path.chmod(0o666)
    found = job.read(pc.reader())
    assert found is not None
    assert found["enabled"] is False


def test_windows_is_not_done_yet(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guiwei.modules.schedule.os.name", "nt")
    with pytest.raises(ResourceError) as caught:
        Schedule("job").read(pc.reader())
    assert caught.value.code == "schedule-windows"
