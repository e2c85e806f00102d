# ruff: noqa
# mypy: ignore-errors
# Runs on the PC when a deadline has passed: ends what the agent with this token has started, then the agent.
# Arguments: its own length, the token.
import os
import signal
import sys
import time

token = sys.argv[2][::-1].encode()


def table():
    """Return pid → (parent, is it ours) of every process; empty where there is no /proc."""
    found = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    after = file.read().rpartition(b")")[2].split()
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    ours = token in file.read()
            except OSError:
                continue
            if after[0] != b"Z":
                found[int(name)] = (int(after[1]), ours)
    return found


def below(found, tops):
    """Return the processes that come from `tops`, children before their parents."""
    tree = [pid for pid, (parent, _) in found.items() if parent in tops and pid not in tops]
    return below(found, set(tree)) + tree if tree else []


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


# The agent is given a moment to journal that its step failed; what it starts in that moment ends as well.
limit = time.monotonic() + 3
while True:
    found = table()
    tops = {pid for pid, (_, ours) in found.items() if ours}
    if not tops:
        break
    late = time.monotonic() > limit
    kill([pid for pid in below(found, tops) if pid not in tops])
    if late:
        kill(tops)
    time.sleep(0.05)
