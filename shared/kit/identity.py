"""The gateway's word for who calls: signed with its key, believed by services that hold the public half, for some minutes.

Must not be broken: a service that was given keys takes the caller and the scope from nowhere else; and the word is good for the
services of one installation only, because every installation, and the vendor's side of one, has keys of its own.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.kit.life import CannotStart

IDENTITY_HEADER = "licensing-identity"
"""Set by the gateway; what arrives from outside under this name is dropped there."""

SERVICE_HEADER = "licensing-service"
"""Which service is meant, set by whoever asks one: an address may have come to belong to another since it was looked up."""

_ALGORITHMS = ["Ed25519"]
_ISSUER = "gateway"
_AUDIENCE = "services"  # all of them: the one that is asked passes the word on to those that it asks
_LIFETIME_SECONDS = 300
"""A body may come slowly, and the service that has it whole then asks another one with the same word."""

_LEEWAY_SECONDS = 5
_SAY_AGAIN_SECONDS = 5
"""How long one token serves all requests of a caller; the rest of its life is for the request itself."""

_MOST_KEPT = 1024
Keys = Mapping[str, Any]
Now = Callable[[], float]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, with what scope, and the token that says so."""

    caller: str
    scope: str
    token: str


@dataclass
class IdentityRefused(Exception):
    """There is no token, or it is not to be believed."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class UnusableIdentityKeys(CannotStart):
    """A file or a setting holds no key of the kind that is needed. No part of a key is in the message."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"The identity keys of {self.where} cannot be used: {self.reason}."


def new_identity_keys() -> tuple[dict[str, Any], dict[str, Any]]:
    """A new private key (JWK) for the gateway, and its public half (JWKS) for the services; ``kid`` is the thumbprint (RFC 7638)."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    return dict(key.as_dict(private=True)), {"keys": [dict(key.as_dict(private=False))]}


class IdentityIssuer:
    """The gateway's side: gives its word for a caller."""

    def __init__(self, private_key: Keys, *, where: str = "the gateway", now: Now = time.time) -> None:
        """``private_key``: a JWK. Raises UnusableIdentityKeys."""
        self._key = _key_of(private_key, where)
        if not self._key.is_private:
            raise UnusableIdentityKeys(where, "the gateway needs a private key, and this is a public one")
        self._now = now
        self._said: dict[tuple[str, str], tuple[str, float]] = {}

    @classmethod
    def from_file(cls, path: Path) -> "IdentityIssuer":
        """Raises UnusableIdentityKeys."""
        return cls(_content_of(path), where=str(path))

    @classmethod
    def in_memory(cls) -> "IdentityIssuer":
        """With keys that live as long as the process: for services in the same one."""
        return cls(new_identity_keys()[0])

    @property
    def public_keys(self) -> dict[str, Any]:
        """JWKS of the one public key."""
        return {"keys": [dict(self._key.as_dict(private=False))]}

    def token_for(self, caller: str, scope: str) -> str:
        """A word for this caller that is good for 295 s at least."""
        now = self._now()
        known = self._said.get((caller, scope))
        if known is not None and now < known[1]:
            return known[0]
        claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": caller, "scope": scope, "iat": int(now), "exp": int(now) + _LIFETIME_SECONDS}
        token = jwt.encode({"alg": _ALGORITHMS[0], "kid": self._key.kid}, claims, self._key, algorithms=_ALGORITHMS)
        _keep(self._said, (caller, scope), (token, now + _SAY_AGAIN_SECONDS))
        return token


class IdentityVerifier:
    """A service's side: believes whoever signs with one of the keys; several stand side by side while one replaces another."""

    def __init__(self, public_keys: Keys, *, where: str = "the settings", now: Now = time.time) -> None:
        """``public_keys``: a JWKS. Raises UnusableIdentityKeys."""
        listed = public_keys.get("keys")
        if not isinstance(listed, list) or not listed:
            raise UnusableIdentityKeys(where, 'a key set is a JSON object with a list of "keys", and this has none')
        keys = [_key_of(each, where) for each in listed]
        if any(key.is_private for key in keys):
            raise UnusableIdentityKeys(where, "a private key is among them; services get the public half only")
        self._keys = KeySet(list(keys))
        self._now = now
        self._believed: dict[str, tuple[Identity, float]] = {}

    @classmethod
    def from_file(cls, path: Path) -> "IdentityVerifier":
        """Raises UnusableIdentityKeys."""
        return cls(_content_of(path), where=str(path))

    def verify(self, token: str) -> Identity:
        """Who calls. Raises IdentityRefused."""
        now = self._now()
        known = self._believed.get(token)
        if known is not None and now < known[1]:
            return known[0]
        if not token:
            raise IdentityRefused("it is missing")
        try:
            claims = jwt.decode(token, self._keys, algorithms=_ALGORITHMS).claims
            _claims_at(now).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise IdentityRefused(f"it cannot be believed ({getattr(error, 'error', None) or type(error).__name__})") from error
        identity = Identity(str(claims["sub"]), str(claims["scope"]), token)
        _keep(self._believed, token, (identity, claims["exp"] + _LEEWAY_SECONDS))
        return identity


def _claims_at(now: float) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": _AUDIENCE},
        sub={"essential": True},
        scope={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """With a bound: the oldest goes."""
    kept.pop(key, None)
    if len(kept) >= _MOST_KEPT:
        del kept[next(iter(kept))]
    kept[key] = value


def _content_of(path: Path) -> Keys:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableIdentityKeys(str(path), f"it cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise UnusableIdentityKeys(str(path), "it holds no JSON object")
    return content


def _key_of(content: Keys, where: str) -> OKPKey:
    try:
        key = OKPKey.import_key(dict(content))
        if key.curve_name != "Ed25519":
            raise UnusableIdentityKeys(where, f"an Ed25519 key is needed, not one of {key.curve_name}")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UnusableIdentityKeys(where, f"it holds no Ed25519 key as a JWK ({type(error).__name__})") from error
    key.ensure_kid()
    return key


_current: ContextVar[Identity | None] = ContextVar("identity", default=None)


def current_identity() -> Identity | None:
    """The word with which the request under way came; None outside of requests, and in a service without keys."""
    return _current.get()


@contextmanager
def identified(identity: Identity | None) -> Iterator[None]:
    """Everything inside is done for this identity."""
    told = _current.set(identity)
    try:
        yield
    finally:
        _current.reset(told)
