"""A certificate with its private key in a folder of PEM files."""

# ruff: noqa: RUF009 (these calls declare fields, they are no shared defaults)
from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, List, Mapping, NamedTuple, Optional

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, supply, value
from guiwei.target.hashing import digest
from guiwei.target.secret import Secret, reveal
from guiwei.target.system import System
from guiwei.target.x509 import Certificate as X509
from guiwei.target.x509 import Key, key_matches, keys_in, pem, pem_blocks, read_certificate


class _Bundle(NamedTuple):
    """The certificate, those of its issuers, and its key, if it has one."""

    own: X509
    chain: List[X509]
    key: Optional[Key]


@dataclasses.dataclass(frozen=True)
class Certificate(Resource):
    """Keep `<name>.pem` (the certificate, then its issuers) and `<name>.key` (its private key, 0600) in a folder.

    PFX and DER files, and keys with a password, are opened on the controller: the PC gets PEM over the encrypted
    channel, and neither the file's password nor a program to open it. The key never leaves the PC again: it is compared
    by its hash.
    """

    kind: ClassVar[str] = "lens"
    summary: ClassVar[str] = "A certificate and its private key in a folder."
    summary_zh: ClassVar[str] = "文件夹中的证书及其私钥。"

    path: str = key(
        "Folder of the certificates.",
        "存放证书的文件夹。",
        pattern=r"^(/|[A-Za-z]:[\\/]|\{\{)",
        example="/etc/lantai/证书",
    )
    name: str = key(
        "The files' name without ending.", "文件名，不含扩展名。", pattern=r"^[^/\\\x00]+$", example="开票证书"
    )
    source: Optional[str] = supply(
        "File beside the playbook: PEM, DER or PFX, with the key in it or without.",
        "剧本旁的证书文件：PEM、DER 或 PFX，可含私钥。",
        "content",
        "certificate",
    )
    password: Optional[str] = supply(
        "Password of `source`; from the vault.", "source 的口令，取自保险库。", "content", "password"
    )
    content: Optional[str] = value(
        "The certificate in PEM, its issuers after it; instead of `source`.",
        "PEM 格式的证书，其后为签发者证书；用于代替 source。",
        compared=False,
        example="{{ certificate }}",
    )
    private_key: Optional[str] = value(
        "The private key in PEM, without a password; from the vault.",
        "PEM 格式的私钥，不带口令；取自保险库。",
        secret=True,
        compared=False,
        example="{{ certificate_key }}",
    )
    fingerprint: Optional[str] = value(
        "SHA-256 of the certificate; follows from it.",
        "证书的 SHA-256，由证书得出。",
        pattern=r"^[0-9a-f]{64}$",
        example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    chain: Optional[List[str]] = value(
        "SHA-256 of each issuer's certificate that is kept with it; follows from the content.",
        "随附的各签发者证书的 SHA-256，由内容得出。",
        example=[],
    )
    key_hash: Optional[str] = value(
        "SHA-256 of the private key; follows from it.", "私钥的 SHA-256，由私钥得出。", pattern=r"^[0-9a-f]{64}$"
    )
    subject: Optional[str] = value(
        "Whose certificate it is, as RFC 4514 writes names.",
        "证书主体，按 RFC 4514 书写。",
        example="CN=91110108MA01A2B3C4",
    )
    not_after: Optional[str] = value(
        "End of its validity, UTC.", "有效期截止时间（UTC）。", volatile=True, example="2027-01-31T15:59:59Z"
    )
    mode: Optional[str] = value(
        "Permission bits of the key's file; 0600 if not given.",
        "私钥文件的权限位，默认 0600。",
        form="mode",
        pattern=r"^0[0-7]{3}$",
        example="0600",
    )
    owner: Optional[str] = value(
        "Owner of the files; a number where the PC has no name for it.",
        "文件所有者名称；没有名称时用编号。",
        example="root",
    )
    group: Optional[str] = value(
        "Group of the files; a number where the PC has no name for it.",
        "文件所属组名称；没有名称时用编号。",
        example="root",
    )

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> Optional[ResourceError]:
        """Want one certificate, a key that opens without a password, and that both belong together."""
        if arguments.get("source") is not None and arguments.get("content") is not None:
            return ResourceError("certificate-two-contents")
        if arguments.get("password") is not None and arguments.get("source") is None:
            return ResourceError("certificate-password-alone")
        given = {name: arguments.get(name) for name in ("content", "private_key")}
        if arguments.get("content") is None or any(_is_open(item) for item in given.values()):
            return None
        try:
            _bundle(given)
        except ResourceError as error:
            return error
        return None

    def read(self, system: System) -> Optional[State]:
        """Return what the certificate says and the hash of its key; None if neither file is there."""
        return self._found(system)

    def _found(self, system: System) -> Optional[State]:
        files = [system.files.stat(path) for path in self._paths()]
        there = [found for found in files if found is not None]
        if not there:
            return None
        state: State = {
            "owner": ", ".join(sorted({found.owner for found in there})),
            "group": ", ".join(sorted({found.group for found in there})),
        }
        data, secret = (system.files.read(path) for path in self._paths())
        certificates = _certificates(data or b"")
        if certificates:
            own = certificates[0]
            state.update(fingerprint=own.fingerprint, subject=own.subject, not_after=own.not_after)
            state["chain"] = [one.fingerprint for one in certificates[1:]]
        if secret is not None and files[1] is not None:
            state.update(key_hash=_key_hash(secret), mode=files[1].mode)
        return state

    def write(self, system: System, state: Optional[State]) -> Optional[State]:
        """Write the files, or take both away.

        Raises:
            ResourceError: a certificate that is wanted is not given (`certificate-no-content`), or cannot be used
                (`certificate-unreadable`, `certificate-no-key`, `certificate-key-…`); nothing was touched then.
        """
        paths = self._paths()
        if state is None:
            for path in paths:
                system.files.remove(path)
            return None
        there = self._found(system) or {}
        names = ("fingerprint", "chain", "key_hash", "subject")
        if any(state.get(name) is not None and state[name] != there.get(name) for name in names) or not there:
            self._write_files(system, state, there)
        if state.get("mode") is not None and system.files.stat(paths[1]) is not None:
            system.files.set_mode(paths[1], state["mode"])
        # Two owners, as `read` gives them, are nobody's wish.
        owner, group = (None if ", " in (state.get(name) or "") else state.get(name) for name in ("owner", "group"))
        for path in paths:
            if (owner or group) and system.files.stat(path) is not None:
                system.files.set_owner(path, owner, group)
        return None

    def normal(self, state: State) -> State:
        """Return what follows from certificate and key, so that it compares with what is read."""
        if state.get("content") is None:
            return state
        bundle = _bundle(state)
        found = dict(state, fingerprint=bundle.own.fingerprint, chain=[one.fingerprint for one in bundle.chain])
        if bundle.key is not None:
            found.update(key_hash=digest(bundle.key.der), mode=state.get("mode") or "0600")
        return found

    def _paths(self) -> "tuple[str, str]":
        return "%s/%s.pem" % (self.path.rstrip("/\\"), self.name), "%s/%s.key" % (self.path.rstrip("/\\"), self.name)

    def _write_files(self, system: System, state: State, there: State) -> None:
        if state.get("content") is None:
            raise ResourceError("certificate-no-content", name=self.name)
        bundle = _bundle(state)
        if state.get("subject") not in (None, bundle.own.subject):
            raise ResourceError("certificate-subject", wanted=state["subject"], found=bundle.own.subject)
        path, secret = self._paths()
        kept = _kept_key(system.files.read(secret))
        if bundle.key is None and kept is not None and key_matches(kept, bundle.own.public_key) is False:
            raise ResourceError("certificate-key-mismatch", subject=bundle.own.subject)
        system.files.make_folder(self.path)
        if bundle.key is not None:
            # The key first: a certificate without its key is of no use, and the client sees the new one with it.
            text = pem(bundle.key.label, bundle.key.der)
            system.files.write(secret, text.encode("ascii"), state.get("mode") or "0600")
        text = "".join(pem("CERTIFICATE", one.der) for one in (bundle.own, *bundle.chain))
        system.files.write(path, text.encode("ascii"))


def _is_open(item: Any) -> bool:
    """Tell whether a value is not known yet: a template, or a text of the vault that is still shut."""
    return item is not None and not isinstance(item, Secret) and (not isinstance(item, str) or "{{" in item)


def _bundle(state: Mapping[str, Any]) -> _Bundle:
    content, private = str(reveal(state["content"])), state.get("private_key")
    try:
        certificates = [read_certificate(der) for label, der, _ in pem_blocks(content) if label == "CERTIFICATE"]
        keys = keys_in(content if private is None else str(reveal(private)))
    except (ValueError, IndexError) as error:
        raise ResourceError("certificate-unreadable", detail=str(error)) from None
    if not certificates:
        raise ResourceError("certificate-unreadable", detail="no BEGIN CERTIFICATE")
    if private is not None and not keys:
        raise ResourceError("certificate-no-key")
    if not keys:
        return _Bundle(certificates[0], certificates[1:], None)
    if keys[0].encrypted:
        raise ResourceError("certificate-key-encrypted")
    # A file may begin with the issuers: the key tells which certificate is its own.
    judged = [key_matches(keys[0], one.public_key) for one in certificates]
    if True not in judged and judged[0] is False:
        raise ResourceError("certificate-key-mismatch", subject=certificates[0].subject)
    own = certificates.pop(judged.index(True) if True in judged else 0)
    return _Bundle(own, certificates, keys[0])


def _certificates(data: bytes) -> List[X509]:
    """Return a file's certificates; none if it is damaged, so that it differs and is written anew."""
    try:
        blocks = pem_blocks(data.decode("ascii"))
        return [read_certificate(der) for label, der, _ in blocks if label == "CERTIFICATE"]
    except (ValueError, IndexError):
        return []


def _kept_key(data: Optional[bytes]) -> Optional[Key]:
    try:
        return keys_in((data or b"").decode("ascii"))[0]
    except (ValueError, IndexError):
        return None


def _key_hash(data: bytes) -> str:
    """Return the hash of a key's DER form; of the whole file where it is no key: it differs from every key's."""
    kept = _kept_key(data)
    return digest(data if kept is None else kept.der)
