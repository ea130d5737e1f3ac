"""The gateway's word: believed while it is fresh and signed with a key that is known, and never otherwise."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt

from shared.kit import identity as kit
from shared.kit.identity import (
    Identity,
    IdentityIssuer,
    IdentityRefused,
    IdentityVerifier,
    UnusableIdentityKeys,
    current_identity,
    identified,
    new_identity_keys,
)

NOW = 1_800_000_000.0
PRIVATE, PUBLIC = new_identity_keys()
GOOD: dict[str, Any] = {"iss": "gateway", "aud": "services", "sub": "ada", "scope": "admin", "iat": int(NOW), "exp": int(NOW) + 30}


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def signed(claims: dict[str, Any], private: dict[str, Any] = PRIVATE, **header: str) -> str:
    key = jwk.OKPKey.import_key(private)
    return jwt.encode({"alg": "Ed25519", "kid": str(key.kid), **header}, claims, key, algorithms=["Ed25519"])


def refusal(verifier: IdentityVerifier, token: str) -> str:
    with pytest.raises(IdentityRefused) as told:
        verifier.verify(token)
    return told.value.reason


@pytest.mark.parametrize(("caller", "scope"), [("ada", "admin"), ("büro 100% 漢 😀", "viewer"), ("nobody", "none"), ("x" * 128, "vendor")])
def test_a_caller_comes_out_as_it_went_in(caller: str, scope: str, clock: Clock) -> None:
    token = IdentityIssuer(PRIVATE, now=clock).token_for(caller, scope)
    assert token.isascii()
    assert IdentityVerifier(PUBLIC, now=clock).verify(token) == Identity(caller, scope, token)


def test_the_key_is_named_by_its_thumbprint_and_the_public_half_holds_no_secret() -> None:
    bare = jwk.OKPKey.import_key({name: value for name, value in PRIVATE.items() if name != "kid"})
    assert PRIVATE["kid"] == bare.thumbprint()
    assert {"keys": [{name: value for name, value in PRIVATE.items() if name != "d"}]} == PUBLIC
    assert IdentityIssuer(PRIVATE).public_keys == PUBLIC


def test_one_token_serves_a_caller_for_some_seconds_and_no_other(clock: Clock) -> None:
    issuer = IdentityIssuer(PRIVATE, now=clock)
    first = issuer.token_for("ada", "admin")
    clock.at += 4.9
    assert issuer.token_for("ada", "admin") == first
    assert issuer.token_for("ada", "viewer") != first
    assert issuer.token_for("bob", "admin") != first
    clock.at += 0.1
    assert issuer.token_for("ada", "admin") != first


def test_a_word_ends_by_itself_also_where_it_was_believed_before(clock: Clock) -> None:
    token = IdentityIssuer(PRIVATE, now=clock).token_for("ada", "admin")
    verifier = IdentityVerifier(PUBLIC, now=clock)
    for later in (0, 304):
        clock.at = NOW + later
        assert verifier.verify(token).caller == "ada"
    clock.at = NOW + 305
    assert refusal(verifier, token) == "it cannot be believed (expired_token)"
    assert refusal(IdentityVerifier(PUBLIC, now=clock), token) == "it cannot be believed (expired_token)"


def test_what_is_remembered_has_a_bound(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "_MOST_KEPT", 2)
    issuer, verifier = IdentityIssuer(PRIVATE, now=clock), IdentityVerifier(PUBLIC, now=clock)
    for number in range(4):
        assert verifier.verify(issuer.token_for(f"c{number}", "viewer")).caller == f"c{number}"
    assert (len(issuer._said), len(verifier._believed)) == (2, 2)
    assert verifier.verify(issuer.token_for("c0", "viewer")).caller == "c0"


@pytest.mark.parametrize("claim", GOOD)
def test_every_claim_is_needed(claim: str, clock: Clock) -> None:
    claims = {name: value for name, value in GOOD.items() if name != claim}
    assert refusal(IdentityVerifier(PUBLIC, now=clock), signed(claims)) == "it cannot be believed (missing_claim)"


@pytest.mark.parametrize(
    "wrong",
    [{"iss": "else"}, {"aud": "vendors"}, {"iat": int(NOW) + 60}, {"exp": int(NOW) - 5}, {"exp": "soon"}, {"sub": ["ada"]}, {"sub": ""}],
)
def test_a_claim_that_is_wrong_is_refused(wrong: dict[str, Any], clock: Clock) -> None:
    assert refusal(IdentityVerifier(PUBLIC, now=clock), signed({**GOOD, **wrong})).startswith("it cannot be believed")


def _parts(change: Callable[[dict[str, Any], dict[str, Any], bytes], tuple[Any, Any, bytes]]) -> str:
    """A good token taken apart, changed, and put together again."""
    head, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in signed(GOOD).split("."))
    changed_head, changed_claims, changed_signature = change(json.loads(head), json.loads(claims), signature)
    parts = (json.dumps(changed_head).encode(), json.dumps(changed_claims).encode(), changed_signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _by_hmac() -> str:
    """The old trick: the public key as the secret of a symmetric signature."""
    secret = jwk.OctKey.import_key(base64.urlsafe_b64decode(PUBLIC["keys"][0]["x"] + "=="))
    return jwt.encode({"alg": "HS256", "kid": PUBLIC["keys"][0]["kid"]}, GOOD, secret, algorithms=["HS256"])


FORGED: dict[str, Callable[[], str]] = {
    "no token": lambda: "",
    "no JWT": lambda: "x",
    "beyond ASCII": lambda: "é.é.é",
    "a stranger's key": lambda: signed(GOOD, new_identity_keys()[0]),
    "a stranger's key under our name": lambda: signed(GOOD, {**new_identity_keys()[0], "kid": PRIVATE["kid"]}),
    "a name of no key": lambda: signed(GOOD, kid="unknown"),
    "another scope": lambda: _parts(lambda head, claims, signature: (head, {**claims, "scope": "vendor"}, signature)),
    "alg none": lambda: _parts(lambda head, claims, signature: ({**head, "alg": "none"}, claims, b"")),
    "alg EdDSA": lambda: _parts(lambda head, claims, signature: ({**head, "alg": "EdDSA"}, claims, signature)),
    "an empty signature": lambda: _parts(lambda head, claims, signature: (head, claims, b"")),
    "claims that are a list": lambda: _parts(lambda head, claims, signature: (head, [claims], signature)),
    "a header that is a list": lambda: _parts(lambda head, claims, signature: ([head], claims, signature)),
    "the public key as a secret": _by_hmac,
    "long": lambda: "x" * 60_000 + ".y.z",
}


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_is_refused(how: str, clock: Clock) -> None:
    assert refusal(IdentityVerifier(PUBLIC, now=clock), FORGED[how]())


def test_keys_stand_side_by_side_while_one_replaces_another(clock: Clock) -> None:
    new_private, new_public = new_identity_keys()
    both = IdentityVerifier({"keys": PUBLIC["keys"] + new_public["keys"]}, now=clock)
    old, new = (IdentityIssuer(key, now=clock).token_for("ada", "admin") for key in (PRIVATE, new_private))
    assert [both.verify(token).caller for token in (old, new)] == ["ada", "ada"]
    assert refusal(IdentityVerifier(new_public, now=clock), old)


def test_keys_come_from_files(tmp_path: Path) -> None:
    private, public = tmp_path / "private.json", tmp_path / "public.json"
    private.write_text(json.dumps(PRIVATE))
    public.write_text(json.dumps(PUBLIC))
    token = IdentityIssuer.from_file(private).token_for("ada", "admin")
    assert IdentityVerifier.from_file(public).verify(token).caller == "ada"


RSA = jwk.RSAKey.generate_key(2048).as_dict(private=False)
X25519 = jwk.OKPKey.generate_key("X25519").as_dict(private=False)


NO_PUBLIC_KEYS = {
    "no file": None, "empty": "", "a list": "[]", "no keys member": "{}", "no keys": '{"keys": []}', "a number": '{"keys": 1}',
    "a text": '{"keys": ["x"]}', "a bare type": '{"keys": [{"kty": "OKP"}]}', "rsa": json.dumps({"keys": [RSA]}),
    "x25519": json.dumps({"keys": [X25519]}), "a private key": json.dumps(PRIVATE), "private keys": json.dumps({"keys": [PRIVATE]}),
}  # fmt: skip


@pytest.mark.parametrize("content", NO_PUBLIC_KEYS.values(), ids=NO_PUBLIC_KEYS.keys())
def test_a_file_without_public_keys_is_told_of_without_its_content(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UnusableIdentityKeys, match=r"keys\.json") as told:
        IdentityVerifier.from_file(path)
    assert PRIVATE["d"] not in str(told.value)


@pytest.mark.parametrize("content", [PUBLIC, PUBLIC["keys"][0], {"kty": "oct", "k": "c2VjcmV0"}, {}])
def test_the_gateway_needs_a_private_key(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UnusableIdentityKeys):
        IdentityIssuer.from_file(path)


def test_the_identity_of_what_is_going_on_ends_with_it() -> None:
    ada = Identity("ada", "admin", "t")
    with identified(ada):
        with identified(None):
            assert current_identity() is None
        assert current_identity() == ada
    assert current_identity() is None
