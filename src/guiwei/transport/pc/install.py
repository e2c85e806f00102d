# ruff: noqa
# mypy: ignore-errors
# Runs on the PC inside `start.py` when the payload is not there or is damaged: receive, check, compile, keep.
import zlib

packed = b""
while True:
    head = f.read(5)
    if len(head) < 5:
        sys.exit(0)
    size = int.from_bytes(head[:4], "big")
    if not size:
        break
    packed += f.read(size)
source = zlib.decompress(packed)
if sha256(source).hexdigest() != payload:
    fail("payload-damaged")
codes = {}
while source:
    head, _, source = source.partition(b"\n")
    size, name = head.decode().split(" ")
    text, source = source[: int(size)], source[int(size) :]
    package = name.endswith("/__init__.py")
    module = name[: -len("/__init__.py" if package else ".py")].replace("/", ".")
    codes[module] = (package, name, marshal.dumps(compile(text, name, "exec", 0, True)))
temporary = "%s.%d.new" % (path, os.getpid())
try:
    # A full or read-only disk is no reason not to look at the PC: the code then stays in memory alone.
    if not os.path.isdir(state):
        os.makedirs(state, 0o700)
    if not os.path.isdir(os.path.dirname(path)):
        os.mkdir(os.path.dirname(path), 0o700)
    code = marshal.dumps(codes)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    with open(handle, "wb") as file:
        file.write(sha256(payload.encode() + code).digest() + code)
        file.flush()
        os.fsync(handle)
    os.replace(temporary, path)
    folder = os.path.dirname(path)
    # What an earlier guiwei left: three payloads are enough for controllers of several versions.
    old = sorted((os.path.join(folder, name) for name in os.listdir(folder)), key=os.path.getmtime, reverse=True)
    for name in old[3:]:
        os.unlink(name)
except OSError:
    try:
        os.unlink(temporary)
    except OSError:
        pass
