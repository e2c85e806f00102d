"""Case of `schedule`: jobs of cron and systemd below a root, where no daemon is told of them."""

from __future__ import annotations

import os
from typing import Any

import hypothesis.strategies as st
from case_files import _but_folder_time, same_owner_and_mode
from law_bench import Bench, Case, Situation, Snapshot, assert_same

from guiwei.modules.schedule import Schedule
from guiwei.target.contract import Resource
from guiwei.target.jobs import Job, cron_text, unit_texts

NAME = "kaipiao-backup"
CRON = f"/etc/cron.d/{NAME}"
SERVICE, TIMER = f"/etc/systemd/system/{NAME}.service", f"/etc/systemd/system/{NAME}.timer"
LINK = f"/etc/systemd/system/timers.target.wants/{NAME}.timer"

_whens = st.sampled_from(["daily 03:00", "weekly Mon 03:05", "weekly Sun 23:59", "daily 00:00"])
_words = st.text("ab -%$'\"税;#&", max_size=6)
_argvs = st.builds(lambda words: ["/opt/开票 (1)/bin/x", *words], st.lists(_words, max_size=3))
_users = st.sampled_from(["root", "kaipiao"])
_jobs = st.builds(Job, _whens, _argvs, _users)

#: What somebody else may have made of a text.
_MEDDLED = {
    "as it was": lambda text: text,
    "a line more": lambda text: text + "* * * * * root /bin/true\n",
    "a line less": lambda text: text.replace("SHELL=/bin/sh\n", "").replace("Persistent=true\n", ""),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "all else": lambda text: "# 别的\n",
    "nothing": lambda text: "",
}


@st.composite
def schedule_situations(draw: st.DrawFn) -> Situation:
    provider = draw(st.sampled_from(["systemd", "cron"]))
    there, meddled = draw(st.none() | _jobs), _MEDDLED[draw(st.sampled_from(sorted(_MEDDLED)))]
    parts = draw(st.sampled_from(["both", "both", "both", "service", "timer"]))
    link = draw(st.sampled_from([TIMER, f"../{NAME}.timer", "../other.timer", None]))
    mode, owner = draw(st.sampled_from([0o644, 0o600, 0o666])), draw(st.sampled_from([(0, 0), (1234, 1234)]))
    job = draw(st.just(there) | _jobs) if there else draw(_jobs)
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        state = {"when": job.when, "argv": job.argv}
        if job.user != "root" or draw(st.booleans()):
            state["user"] = job.user

    def make(bench: Bench) -> Resource:
        bench.put("/etc/cron.d/other", b"# other\n")
        bench.put("/etc/systemd/system/other.timer", b"[Timer]\n")
        if there is not None and provider == "cron":
            bench.put(CRON, meddled(cron_text(NAME, there)).encode(), mode, owner)
        if there is not None and provider == "systemd":
            service, timer = unit_texts(NAME, there)
            for path, text, part in ((SERVICE, service, "service"), (TIMER, timer, "timer")):
                if parts in ("both", part):
                    bench.put(path, meddled(text).encode(), mode, owner)
            if link is not None:
                os.makedirs(os.path.dirname(bench.real(LINK)))
                os.symlink(link, bench.real(LINK))
        return Schedule(NAME, provider)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        mine = {path.lstrip("/") for path in ((CRON,) if provider == "cron" else (SERVICE, TIMER, LINK))}
        made = {os.path.dirname(LINK).lstrip("/")} - set(before) if provider == "systemd" else set()
        assert_same(before, after, mine | made)
        if state is None:
            assert not mine & set(after)
            return
        texts = {CRON: cron_text(NAME, job)} if provider == "cron" else dict(
            zip((SERVICE, TIMER), unit_texts(NAME, job), strict=True))  # fmt: skip
        for path, text in texts.items():
            inside = path.lstrip("/")
            assert after[inside].data.decode() == text
            if inside not in before or before[inside].data.decode() != text:
                assert after[inside].mode == "0644"
            same_owner_and_mode(before, after, inside, ("mode",))
        if provider == "systemd":
            assert after[LINK.lstrip("/")].data in (TIMER, f"../{NAME}.timer")
        else:
            assert after[CRON.lstrip("/")].mode in ("0644", "0600")

    return Situation(make, state, _but_folder_time(frame))


CASES = [Case("schedule", schedule_situations())]
