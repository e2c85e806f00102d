"""Case of `certificate`: certificates and keys that the test makes itself."""

from __future__ import annotations

import datetime
import hashlib
from functools import lru_cache
from typing import Any, NamedTuple

import hypothesis.strategies as st
from case_files import _but_folder_time, same_owner_and_mode
from law_bench import Bench, Case, Situation, Snapshot, assert_same, parents_of

from guiwei.modules.certificate import Certificate
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret

FOLDER = "/etc/兰台 (1)/证书"
PEM, KEY = f"{FOLDER}/开票.pem", f"{FOLDER}/开票.key"


class Made(NamedTuple):
    """A certificate, its issuer's, and its key, in PEM; and what the key's hash is."""

    own: str
    issuer: str
    key: str
    key_hash: str


@lru_cache(maxsize=1)
def made() -> tuple[Made, Made]:
    """Return two certificates with their keys, RSA and an elliptic curve."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    start = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
    authority = ec.generate_private_key(ec.SECP256R1())

    def certificate(key: Any, name: str, serial: int) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "测试机构")])
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial).not_valid_before(start)
        builder = builder.not_valid_after(start + datetime.timedelta(days=365))
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")

    issuer = certificate(authority, "测试机构", 1)
    found = []
    keys: list[Any] = [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())]
    for number, (key, form) in enumerate(
        zip(keys, (PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8), strict=True)
    ):
        text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode("ascii")
        der = key.private_bytes(Encoding.DER, form, NoEncryption())
        own = certificate(key, f"91110108MA01A2B3C{number}", 10 + number)
        found.append(Made(own, issuer, text, hashlib.sha256(der).hexdigest()))
    return found[0], found[1]


@st.composite
def certificate_situations(draw: st.DrawFn) -> Situation:
    there, whole = draw(st.sampled_from([None, 0, 1])), draw(st.sampled_from(["both", "both", "pem", "key", "damaged"]))
    chained, crlf = draw(st.booleans()), draw(st.booleans())
    mode, owner = draw(st.sampled_from([0o600, 0o644])), draw(st.sampled_from([(0, 0), (1234, 1234)]))
    which, chain, keyed = draw(st.sampled_from([0, 1])), draw(st.booleans()), draw(st.integers(0, 3)) > 0
    together, owned = draw(st.booleans()), draw(st.integers(0, 3)) == 0
    own_mode = draw(st.sampled_from([None, "0640"]))
    wanted = made()[which]
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        text = wanted.own + (wanted.issuer if chain else "")
        # Some files begin with the issuer.
        text = wanted.issuer + wanted.own if chain and keyed and together else text
        state = {"content": Secret(text + wanted.key) if keyed and together else text}
        if keyed and not together:
            state["private_key"] = Secret(wanted.key)
        if keyed and own_mode:
            state["mode"] = own_mode
        if owned:
            state.update(owner="1234", group="root")

    def make(bench: Bench) -> Resource:
        bench.put(f"{FOLDER}/other.pem", b"other", 0o600)
        if there is not None:
            old = made()[there]
            text = old.own + (old.issuer if chained else "")
            text = text[:200] if whole == "damaged" else "# 注\n" + text.replace("\n", "\r\n") if crlf else text
            if whole != "key":
                bench.put(PEM, text.encode(), 0o644, owner)
            if whole != "pem":
                bench.put(KEY, old.key.encode(), mode, owner)
        return Certificate(FOLDER, "开票")

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        mine = {PEM.lstrip("/"), KEY.lstrip("/")}
        assert_same(before, after, mine | (parents_of(PEM.lstrip("/")) - {FOLDER.lstrip("/")}))
        if state is None:
            assert not mine & set(after)
            return
        kept = whole not in ("key", "damaged") and there == which and chained == chain
        if not kept or KEY.lstrip("/") not in before:
            text = wanted.own + (wanted.issuer if chain else "")
            if not (kept and not keyed):
                assert after[PEM.lstrip("/")].data.decode() == text
        if keyed:
            key = after[KEY.lstrip("/")]
            assert (key.data.decode(), key.mode) == (wanted.key, own_mode or "0600")
        for inside in mine & set(after):
            if owned:
                assert (after[inside].uid, after[inside].gid) == (1234, 0)
            else:
                same_owner_and_mode(before, after, inside, ("mode",))

    return Situation(make, state, _but_folder_time(frame))


CASES = [
    # Without its key a certificate is refused where the other one's key lies.
    Case("certificate", certificate_situations(), refusals=frozenset({"certificate-key-mismatch"}))
]
