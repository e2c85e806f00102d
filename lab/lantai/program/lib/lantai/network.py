"""The upload server (安全接入地址): sending invoices and filings, and looking how steadily it answers."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

from . import errors
from .invoices import Invoice
from .money import yuan

__all__ = ["measure", "send_filing", "send_invoices"]

_BATCH = 50


def send_invoices(address: str, taxpayer: str, machine: str, invoices: list[Invoice], timeout: float) -> list[str]:
    """Send one batch and return the numbers that the server took; ``timeout`` in seconds.

    :raises Refusal: NETWORK when the server cannot be reached or does not take it.
    """
    answer = _post(
        address,
        {
            "taxpayer": taxpayer,
            "machine": machine,
            "invoices": [
                {
                    "number": invoice.number,
                    "kind": invoice.kind,
                    "issued": invoice.issued,
                    "status": invoice.status,
                    "buyer": invoice.buyer,
                    "amount": yuan(invoice.amount_fen),
                    "tax": yuan(invoice.tax_fen),
                    "red_of": invoice.red_of,
                }
                for invoice in invoices[:_BATCH]
            ],
        },
        timeout,
    )
    accepted = answer.get("accepted")
    return [str(number) for number in accepted] if isinstance(accepted, list) else []


def send_filing(address: str, taxpayer: str, machine: str, filing: dict[str, object], timeout: float) -> None:
    """Send the filing (抄报) of some kinds.

    :raises Refusal: NETWORK when the server cannot be reached or does not take it.
    """
    _post(address, {"taxpayer": taxpayer, "machine": machine, "filing": filing}, timeout)


def measure(address: str, timeout: float, tries: int) -> dict[str, object]:
    """GET the address some times; return reachable, loss as a share of 1, and latencies in milliseconds.

    An answer of the server's own trouble (5xx) counts as lost.
    """
    latencies = []  # type: list[float]
    error = ""
    for _ in range(tries):
        begun = time.monotonic()
        try:
            status, _body = _request("GET", address, b"", timeout)
        except errors.Refusal as refusal:
            error = refusal.message
            continue
        if status >= 500:
            error = "服务器返回 {0}".format(status)
            continue
        latencies.append((time.monotonic() - begun) * 1000)
    return {
        "address": address,
        "reachable": bool(latencies),
        "tries": tries,
        "loss": round(1 - float(len(latencies)) / tries, 3),
        "error": error,
        "latency_ms": {
            "min": round(min(latencies), 1),
            "avg": round(sum(latencies) / len(latencies), 1),
            "max": round(max(latencies), 1),
        }
        if latencies
        else None,
    }


def _post(address: str, payload: dict[str, object], timeout: float) -> dict[str, object]:
    status, body = _request("POST", address, json.dumps(payload).encode("utf-8"), timeout)
    if status != 200:
        raise errors.Refusal(errors.NETWORK, "上传服务器 {0} 返回 {1}".format(address, status))
    try:
        answer = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise errors.Refusal(errors.NETWORK, "上传服务器 {0} 的回答无法识别".format(address)) from error
    if not isinstance(answer, dict):
        raise errors.Refusal(errors.NETWORK, "上传服务器 {0} 的回答无法识别".format(address))
    return answer


def _request(method: str, address: str, body: bytes, timeout: float) -> tuple[int, bytes]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.Refusal(errors.NETWORK, "安全接入地址不正确：{0}".format(address))
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = make(parts.hostname, parts.port, timeout=timeout)
        try:
            connection.request(
                method,
                (parts.path or "/") + ("?" + parts.query if parts.query else ""),
                body or None,
                {"Content-Type": "application/json"} if body else {},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise errors.Refusal(errors.NETWORK, "无法连接上传服务器 {0}：{1}".format(address, error)) from error
