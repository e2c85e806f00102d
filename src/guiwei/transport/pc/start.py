# ruff: noqa
# mypy: ignore-errors
# Runs on the PC, read from standard input by the launching command, which calls the open stream `f`.
# Arguments: its own length, a token, guiwei's folder ("" for the default). A line with the payload's hash follows it on
# standard input, then the first request.
# Must parse on any Python 3, so that an old one can say so.
import sys


def say(body, kind=b"J"):
    out = open(1, "wb", closefd=False)
    out.write(len(body).to_bytes(4, "big") + kind + body)
    out.close()


def fail(code, **args):
    import json

    say(json.dumps({"op": "error", "error": {"class": "HostError", "code": code, "args": args}}).encode())
    sys.exit(3)


def receive():
    """Return the body of one message, whose parts are frames of type P and then one of type J."""
    body = b""
    while True:
        head = f.read(5)
        if len(head) < 5:
            sys.exit(0)
        body += f.read(int.from_bytes(head[:4], "big"))
        if head[4:] != b"P":
            return body


if sys.version_info < (3, 7):
    fail("python-too-old", python=sys.executable, version="%d.%d.%d" % sys.version_info[:3])

import marshal
import os

try:
    from _sha256 import sha256
except ImportError:
    try:
        from _sha2 import sha256
    except ImportError:
        from hashlib import sha256

state = sys.argv[3]
payload = f.readline().decode().strip()
first = receive()
if not state:
    if os.name == "nt":
        state = os.path.join(os.environ.get("ProgramData", "C:\\ProgramData"), "guiwei")
    elif os.geteuid() == 0:
        state = "/var/lib/guiwei"
    else:
        state = "~/.local/state/guiwei"
state = os.path.abspath(os.path.expanduser(state))
# Code is bound to the payload's hash and to this very Python; what is damaged or foreign is not run.
path = os.path.join(state, "payload", "%s.%s-%x" % (payload, sys.implementation.cache_tag, sys.hexversion))
codes = None
try:
    if os.name != "nt":
        for folder in (state, os.path.dirname(path)):
            found = os.stat(folder)
            if found.st_uid != os.geteuid():
                fail("state-dir-foreign", path=folder, owner=found.st_uid, user=os.geteuid())
            if found.st_mode & 0o77:
                os.chmod(folder, 0o700)
    with open(path, "rb") as file:
        code = file.read()
    if code[:32] == sha256(payload.encode() + code[32:]).digest():
        codes = marshal.loads(code[32:])
except OSError:
    pass
if codes is None:
    say(b'{"op":"payload"}')
    exec(receive())


class Finder:
    """Import guiwei from memory: no search of folders, and the same way when there is no disk to write to."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in codes:
            spec = type(sys.__spec__)(name, Finder, origin=codes[name][1], is_package=codes[name][0])
            spec.has_location = True
            return spec

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        exec(marshal.loads(codes[module.__name__][2]), module.__dict__)


class Lazy(type(sys)):
    """Stand for `inspect` until it is used: dataclasses loads it, with all of `ast` and `dis`, and rarely uses it."""

    def __getattr__(self, name):
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        import inspect

        return getattr(inspect, name)


sys.modules["inspect"] = Lazy("inspect")
sys.meta_path.insert(0, Finder)
sys.dont_write_bytecode = True
import json

from guiwei.target.agent import main

main(b'{"state_dir":' + json.dumps(state).encode() + b"," + first[1:], f)
sys.stderr.flush()
# All is said: what the interpreter would now tidy up ends with the process anyway.
os._exit(0)
