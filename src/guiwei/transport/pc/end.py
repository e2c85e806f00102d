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
    """Return pid → (parent, is it ours) of every process."""
    return windows_table() if os.name == "nt" else proc_table()


def windows_table():
    """Read every command line where Windows keeps it, in the process itself: that works on all its versions."""
    import ctypes
    from ctypes import byref, c_ulong, c_void_p, sizeof

    class Entry(ctypes.Structure):
        _fields_ = [("size", c_ulong), ("usage", c_ulong), ("pid", c_ulong), ("heap", ctypes.c_size_t)]
        _fields_ += [(name, c_ulong) for name in ("module", "threads", "parent", "priority", "flags")]
        _fields_ += [("name", ctypes.c_wchar * 260)]

    kernel = ctypes.windll.kernel32
    kernel.CreateToolhelp32Snapshot.restype = kernel.OpenProcess.restype = c_void_p
    found = {}
    entry = Entry(size=sizeof(Entry))
    snapshot = c_void_p(kernel.CreateToolhelp32Snapshot(2, 0))
    more = kernel.Process32FirstW(snapshot, byref(entry))
    while more:
        found[entry.pid] = (entry.parent, token in command_line(ctypes, entry.pid))
        more = kernel.Process32NextW(snapshot, byref(entry))
    kernel.CloseHandle(snapshot)
    found.pop(os.getpid(), None)
    return found


def command_line(ctypes, pid):
    """Return a process's command line; nothing of one that is not ours to look into."""
    kernel = ctypes.windll.kernel32
    word = ctypes.sizeof(ctypes.c_void_p)
    # PROCESS_QUERY_INFORMATION and PROCESS_VM_READ.
    handle = ctypes.c_void_p(kernel.OpenProcess(0x410, False, pid))
    if not handle.value:
        return b""

    def read(place, size):
        data = ctypes.create_string_buffer(size)
        kernel.ReadProcessMemory(handle, ctypes.c_void_p(place), data, ctypes.c_size_t(size), None)
        return data.raw

    def number(data):
        return int.from_bytes(data, "little")

    # PROCESS_BASIC_INFORMATION, then the PEB's ProcessParameters, then their CommandLine (a UNICODE_STRING).
    basic = ctypes.create_string_buffer(6 * word)
    ctypes.windll.ntdll.NtQueryInformationProcess(handle, 0, basic, len(basic), None)
    parameters = number(read(number(basic.raw[word : 2 * word]) + 4 * word, word))
    text = read(parameters + (0x70 if word == 8 else 0x40), 2 * word)
    line = read(number(text[word:]), number(text[:2])) if parameters else b""
    kernel.CloseHandle(handle)
    return line.decode("utf-16-le", "replace").encode("utf-8")


def proc_table():
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
            os.kill(pid, getattr(signal, "SIGKILL", 9))
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
