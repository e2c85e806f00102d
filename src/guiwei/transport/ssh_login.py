"""Logging in: keys, the agent's keys, a password; each at most once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, PasswordRequiredException

from guiwei.errors import UnreachableError
from guiwei.transport.variables import Login

__all__ = ["log_in"]

_USUAL_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")

_keys: dict[tuple[Path, int, str], paramiko.PKey] = {}
_loading = threading.Lock()


def log_in(login: Login, transport: paramiko.Transport, timeout: float) -> None:
    """Log in by the key that is named, else by the agent's and the usual keys, then by the password if there is one.

    Raises:
        UnreachableError: `ssh-key-unreadable`, `ssh-key-passphrase`, `auth-failed`, `auth-timeout`.
    """
    transport.auth_timeout = timeout
    tried: list[str] = []
    try:
        with closing(paramiko.Agent()) if _wants_agent(login) else closing(_NoAgent()) as agent:
            for name, key in _candidates(login, agent):
                tried.append(name)
                if _by_key(login, transport, key):
                    return
        if login.password is not None:
            tried.append("password")
            # Once: a second try with the same password is what locks accounts.
            if not transport.auth_password(login.user, login.password.reveal(), fallback=True):
                return
    except BadAuthenticationType as error:
        tried.append("allowed: " + ", ".join(error.allowed_types))
    except AuthenticationException as error:
        if "imeout" in str(error):
            raise UnreachableError("auth-timeout", host=login.name, user=login.user, seconds=timeout) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        tried.append(str(error) or "closed")
    raise UnreachableError("auth-failed", host=login.name, user=login.user, tried=", ".join(tried) or "-")


def _by_key(login: Login, transport: paramiko.Transport, key: paramiko.PKey) -> bool:
    """Tell whether the key was enough; a key alone may be the first of two factors."""
    try:
        return not transport.auth_publickey(login.user, key)
    except BadAuthenticationType:
        return False
    except AuthenticationException as error:
        # paramiko says so too when the server closed the connection: then there is no second candidate.
        if not transport.is_active() or "imeout" in str(error):
            raise
        return False


class _NoAgent:
    def get_keys(self) -> tuple[paramiko.AgentKey, ...]:
        return ()

    def close(self) -> None:
        pass


def _wants_agent(login: Login) -> bool:
    return login.key_file is None and login.password is None


def _candidates(login: Login, agent: paramiko.Agent | _NoAgent) -> Iterator[tuple[str, paramiko.PKey]]:
    if login.key_file is not None:
        yield str(login.key_file), _load(login, login.key_file)
        return
    if login.password is not None:
        return
    for held in agent.get_keys():
        yield "ssh-agent", held
    for name in _USUAL_KEYS:
        path = Path.home() / ".ssh" / name
        if path.is_file():
            try:
                key = _load(login, path)
            except UnreachableError:
                continue
            yield str(path), key


def _load(login: Login, path: Path) -> paramiko.PKey:
    """Return the private key; many hosts share one, and decrypting it is slow on purpose."""
    passphrase = login.passphrase.reveal() if login.passphrase else ""
    try:
        memo = (path, path.stat().st_mtime_ns, passphrase)
        with _loading:
            if memo not in _keys:
                _keys[memo] = paramiko.PKey.from_path(path, passphrase.encode() or None)  # type: ignore[arg-type]
            return _keys[memo]
    except (PasswordRequiredException, TypeError) as error:
        raise UnreachableError("ssh-key-passphrase", host=login.name, path=str(path)) from error
    except OSError as error:
        detail = error.strerror or str(error)
        raise UnreachableError("ssh-key-unreadable", host=login.name, path=str(path), detail=detail) from error
    except (paramiko.SSHException, ValueError, UnknownKeyType) as error:
        code = "ssh-key-passphrase" if passphrase else "ssh-key-unreadable"
        raise UnreachableError(code, host=login.name, path=str(path), detail=type(error).__name__) from error
