"""Cases of the probes that look at the world: `tcp`, `http`, `usb_device`, `inquiry`."""

from __future__ import annotations

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation

from guiwei.modules.http import Http
from guiwei.modules.inquiry import Inquiry
from guiwei.modules.tcp import Tcp
from guiwei.modules.usb_device import UsbDevice
from guiwei.target.contract import Resource

# Port 9 (discard) is closed; what an open one answers is the matter of the unit tests, here it is the PC's folder.
_CLOSED = 9


def _plain(bench: Bench) -> None:
    bench.put("/etc/client.ini", b"[a]\r\n")


@st.composite
def tcp_situations(draw: st.DrawFn) -> Situation:
    timeout = draw(st.sampled_from([0.2, 1.0]))

    def make(bench: Bench) -> Resource:
        _plain(bench)
        return Tcp("127.0.0.1", _CLOSED, timeout=timeout)

    return Situation(make, None, lambda *_: None)


@st.composite
def http_situations(draw: st.DrawFn) -> Situation:
    tries = draw(st.integers(1, 3))

    def make(bench: Bench) -> Resource:
        _plain(bench)
        return Http(f"http://127.0.0.1:{_CLOSED}/上传 ?a=b", tries=tries, timeout=0.2)

    return Situation(make, None, lambda *_: None)


@st.composite
def usb_situations(draw: st.DrawFn) -> Situation:
    devices = draw(st.lists(st.sampled_from([("101d", "0003", "Aisino"), ("1432", "07dc", "NISEC")]), max_size=3))
    pattern = draw(st.sampled_from([None, "Aisino"]))

    def make(bench: Bench) -> Resource:
        _plain(bench)
        for number, (vendor, product, maker) in enumerate(devices, 1):
            for name, text in (("idVendor", vendor), ("idProduct", product), ("manufacturer", maker)):
                bench.put(f"/sys/bus/usb/devices/1-{number}/{name}", text.encode() + b"\n")
        return UsbDevice("101D", "0003", manufacturer_string=pattern)

    return Situation(make, None, lambda *_: None)


@st.composite
def inquiry_situations(draw: st.DrawFn) -> Situation:
    code = draw(st.sampled_from([0, 12]))

    def make(bench: Bench) -> Resource:
        _plain(bench)
        return Inquiry(["/bin/sh", "-c", f'echo \'{{"disk": "正常"}}\'; exit {code}'])

    return Situation(make, None, lambda *_: None)


CASES = [
    Case("tcp", tcp_situations(), share=0.5),
    Case("http", http_situations(), share=0.5),
    Case("usb_device", usb_situations()),
    Case("inquiry", inquiry_situations(), share=0.5),
]
