"""Signing in at a provider of OpenID Connect: by a bound account alone, and by no false token."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from libs.common.ids import uuid7
from libs.common.messages import Refused
from libs.common.settings import SettingsError
from libs.rights.tokens import Keyring
from services.portal import provider as ours
from services.portal.domain.account import FAILURES
from services.portal.provider import Try, provider_of
from tests.support.portal import (
    NOT_LET_IN,
    REFUSED,
    Person,
    Portal,
    everything_of,
    founder_token,
    told,
)
from tests.support.provider import CLIENT, REDIRECT, Provider, provider_at_work
from tests.support.servers import TOKENS

DAY = 86_400


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> Iterator[None]:
    """Whatever lies it was told to tell are of one test."""
    yield
    provider.token = None


async def bound(portal: Portal) -> tuple[Person, str]:
    """An account whose owner was never asked for a password, and their subject."""
    person, subject = await portal.open(), f"planted-{uuid4().hex}"
    path = f"/accounts/{person.id}/bind"
    answer = await portal.post(path, {"subject": subject}, portal.founder)
    assert answer.status_code == 200, answer.text
    return person, subject


async def came_back(portal: Portal, provider: Provider, subject: str, **more: Any) -> Any:
    """To the portal, from the provider, which knows them as `subject`."""
    begun = (await portal.post("/oidc/begin")).json()
    code, state = provider.sign_in(begun["address"], subject)
    body = {"flow": begun["flow"], "state": state, "code": code, **more}
    return await portal.post("/oidc/sign-in", body)


async def test_whoever_the_provider_knows_signs_in_as_the_account_bound_to_them(
    portal: Portal, provider: Provider
) -> None:
    person, subject = await bound(portal)
    answer = await came_back(portal, provider, subject)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    bearer = Keyring(TOKENS).read(answer.json()["access_token"])
    assert str(bearer.account) == person.id
    me = await portal.get("/me", answer.json()["access_token"])
    assert me.json()["account"] == person.id


async def test_whoever_is_bound_to_no_account_does_not_sign_in(
    portal: Portal, provider: Provider
) -> None:
    assert told(await came_back(portal, provider, "nobody")) == NOT_LET_IN
    person, subject = await bound(portal)
    other = await portal.open()
    again = await portal.post(f"/accounts/{other.id}/bind", {"subject": subject}, portal.founder)
    assert told(again) == (409, "name_taken")
    released = f"/accounts/{person.id}/release"
    assert (await portal.post(released, {"subject": subject}, portal.founder)).status_code == 200
    assert told(await came_back(portal, provider, subject)) == NOT_LET_IN


async def test_a_disabled_account_does_not_sign_in_there_either(
    portal: Portal, provider: Provider
) -> None:
    person, subject = await bound(portal)
    await portal.post(f"/accounts/{person.id}/disable", token=founder_token())
    assert told(await came_back(portal, provider, subject)) == NOT_LET_IN


async def test_wrong_passwords_keep_nobody_out_who_signs_in_at_the_provider(
    portal: Portal, provider: Provider
) -> None:
    """Whoever knows a name could else keep its owner from work, who has no password to guess."""
    person, subject = await bound(portal)
    for _ in range(FAILURES):
        assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert (await came_back(portal, provider, subject)).status_code == 201


async def test_nobody_is_bound_who_signs_in_already(portal: Portal) -> None:
    """Whoever did it could sign in as them, and they would not notice; a reset they notice."""
    person = await portal.worker()
    path = f"/accounts/{person.id}/bind"
    answer = await portal.post(path, {"subject": "founders-own"}, portal.founder)
    assert told(answer) == (409, "illegal_transition")
    assert "bind_subject" not in answer.json()["allowed"]


async def test_a_reset_leaves_nothing_of_the_old_password(
    portal: Portal, provider: Provider
) -> None:
    person, subject = await portal.worker(), f"planted-{uuid4().hex}"
    for step, body in (("reset", None), ("bind", {"subject": subject})):
        answer = await portal.post(f"/accounts/{person.id}/{step}", body, portal.founder)
        assert answer.status_code == 200, answer.text
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert (await came_back(portal, provider, subject)).status_code == 201


@pytest.mark.parametrize("state", ["é", "状态", "0" * 32])
async def test_a_state_that_nobody_gave_is_refused(
    portal: Portal, provider: Provider, state: str
) -> None:
    begun = (await portal.post("/oidc/begin")).json()
    body = {"flow": begun["flow"], "state": state, "code": "x"}
    assert told(await portal.post("/oidc/sign-in", body)) == NOT_LET_IN


async def test_only_founders_bind(portal: Portal) -> None:
    person = await portal.worker()
    token = (await portal.signed_in(person))["access_token"]
    for step in ("bind", "release"):
        answer = await portal.post(f"/accounts/{person.id}/{step}", {"subject": "me"}, token)
        assert told(answer) == (403, "role_not_allowed")
    absent = await portal.post(f"/accounts/{uuid7()}/bind", {"subject": "me"}, portal.founder)
    assert told(absent) == (404, "not_found")


async def test_a_subject_is_written_nowhere(portal: Portal) -> None:
    _, subject = await bound(portal)
    assert subject not in await everything_of(portal)


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsigned(header: dict[str, str], claims: dict[str, Any]) -> str:
    return ".".join(_part(json.dumps(one).encode()) for one in (header, claims))


def _none(provider: Provider, claims: dict[str, Any]) -> str:
    return f"{_unsigned({'alg': 'none'}, claims)}."


def _confused(provider: Provider, claims: dict[str, Any]) -> str:
    """HS256, with the public key of RS256 as its secret."""
    text = _unsigned({"alg": "HS256", "kid": provider.rsa.thumbprint()}, claims)
    public = provider.rsa.as_pem(private=False)
    return f"{text}.{_part(hmac.digest(public, text.encode(), 'sha256'))}"


def _own_key(provider: Provider, claims: dict[str, Any]) -> str:
    own = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "kid": provider.key.thumbprint(), "jwk": own.as_dict(private=False)}
    return jwt.encode(header, claims, own, algorithms=["ES256"])


def _elsewhere(provider: Provider, claims: dict[str, Any]) -> str:
    header = {"jku": f"{provider.url}/stolen", "x5u": f"{provider.url}/stolen", "kid": "unknown"}
    return provider.signed(claims, **header)


Lie = Callable[[Provider, dict[str, Any]], str]


def _with(**more: Any) -> Lie:
    return lambda provider, claims: provider.signed(claims | more)


def _without(name: str) -> Lie:
    def lie(provider: Provider, claims: dict[str, Any]) -> str:
        return provider.signed({key: value for key, value in claims.items() if key != name})

    return lie


NOW = int(time.time())
LIES: dict[str, Lie] = {
    "no algorithm": _none,
    "HS256 with the public key": _confused,
    "another's key": _own_key,
    "unknown key, and an address of it": _elsewhere,
    "expired": _with(iat=NOW - 2 * DAY, exp=NOW - DAY),
    "not yet": _with(nbf=NOW + DAY),
    "issued in the future": _with(iat=NOW + DAY),
    "other nonce": _with(nonce="other"),
    "no nonce": _without("nonce"),
    "other issuer": _with(iss="https://elsewhere"),
    "other audience": _with(aud="another-client"),
    "for another as well": _with(aud=[CLIENT, "another"], azp="another"),
    "no subject": _with(sub=""),
    "no end": _without("exp"),
    "no token": lambda *_: "a.b.c",
}


@pytest.mark.parametrize("kind", LIES)
async def test_a_false_token_of_the_provider_is_401(
    portal: Portal, provider: Provider, kind: str
) -> None:
    _, subject = await bound(portal)
    provider.token = lambda claims: LIES[kind](provider, claims)
    assert told(await came_back(portal, provider, subject)) == NOT_LET_IN
    assert "/stolen" not in provider.asked


async def test_a_good_token_by_another_of_its_keys_is_taken(
    portal: Portal, provider: Provider
) -> None:
    _, subject = await bound(portal)

    def by_rsa(claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "kid": provider.rsa.thumbprint()}
        return jwt.encode(header, claims, provider.rsa, algorithms=["RS256"])

    provider.token = by_rsa
    assert (await came_back(portal, provider, subject)).status_code == 201


async def test_a_token_of_the_provider_is_none_of_the_city(
    portal: Portal, provider: Provider
) -> None:
    person, _ = await bound(portal)
    claims = provider.claims(person.id, "n") | {"aud": "civicgrid", "sid": str(uuid4())}
    for token in (provider.signed(claims), provider.signed(claims, typ="at+jwt")):
        assert told(await portal.get("/me", token)) == REFUSED


@pytest.mark.parametrize("part", ["flow", "state", "code"])
async def test_what_belongs_to_another_try_is_refused(
    portal: Portal, provider: Provider, part: str
) -> None:
    """As where somebody is made to come back with another's code."""
    _, subject = await bound(portal)
    tries = []
    for _ in range(2):
        begun = (await portal.post("/oidc/begin")).json()
        code, state = provider.sign_in(begun["address"], subject)
        tries.append({"flow": begun["flow"], "state": state, "code": code})
    mixed = tries[0] | {part: tries[1][part]}
    assert told(await portal.post("/oidc/sign-in", mixed)) == NOT_LET_IN
    late = tries[1] | {"flow": str(UUID(int=UUID(tries[1]["flow"]).int & ((1 << 80) - 1)))}
    assert told(await portal.post("/oidc/sign-in", late)) == NOT_LET_IN


async def test_a_code_is_taken_once(portal: Portal, provider: Provider) -> None:
    _, subject = await bound(portal)
    begun = (await portal.post("/oidc/begin")).json()
    code, state = provider.sign_in(begun["address"], subject)
    body = {"flow": begun["flow"], "state": state, "code": code}
    answers = [await portal.post("/oidc/sign-in", body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 401]


TRY = Try("state", "nonce", "verifier" * 8)


def ask(url: str, now: Callable[[], float] = time.time) -> ours.Provider:
    return ours.Provider(url, CLIENT, REDIRECT, now=now)


@pytest.mark.parametrize("part", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/x", "https://elsewhere/x", "file:///etc/passwd", "//x", "http://a:b"],
)
async def test_nothing_is_asked_of_another_host_than_the_issuers(part: str, address: str) -> None:
    with provider_at_work() as there:
        there.discovery = {part: address}
        with pytest.raises(Refused) as refused:
            await ask(there.url).address(TRY)
        assert refused.value.status == 503
        assert there.asked == [ours.DISCOVERY]


@pytest.mark.parametrize("path", [ours.DISCOVERY, "/keys", "/token"])
async def test_no_redirect_is_followed(path: str) -> None:
    with provider_at_work() as there:
        there.redirects = {path: f"{there.url}/stolen"}
        with pytest.raises(Refused) as refused:
            await ask(there.url).subject("code", TRY)
        assert refused.value.status == (401 if path == "/token" else 503)
        assert "/stolen" not in there.asked


async def test_a_provider_that_says_it_is_another_is_not_believed() -> None:
    with provider_at_work() as there:
        there.discovery = {"issuer": "https://elsewhere"}
        with pytest.raises(Refused) as refused:
            await ask(there.url).address(TRY)
        assert refused.value.status == 503
    with pytest.raises(Refused) as refused:
        await ask(there.url).address(TRY)
    assert refused.value.status == 503, "nor is one that is away"


async def test_a_new_key_of_the_provider_is_looked_up_and_what_it_published_is_kept() -> None:
    at = [time.time()]
    with provider_at_work() as there:
        asking = ask(there.url, lambda: at[0])
        for _ in range(3):
            await asking.address(TRY)
        assert there.asked.count("/keys") == 1
        there.key = ECKey.generate_key("P-256", private=True)
        at[0] += ours.AGAIN_SECONDS + 1
        code, _ = there.sign_in(await asking.address(TRY), "somebody")
        assert await asking.subject(code, TRY) == "somebody"
        assert there.asked.count("/keys") == 2


async def test_a_city_without_a_provider_has_no_such_door(portal: Portal) -> None:
    assert provider_of(portal.settings.model_copy(update={"oidc_issuer": None})) is None


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"oidc_client": None}, "CIVICGRID_OIDC_CLIENT"),
        ({"oidc_issuer": "http://provider.example"}, "https://"),
        ({"oidc_issuer": "provider"}, "https://"),
        ({"oidc_secret": Path("/nowhere")}, "CIVICGRID_OIDC_SECRET"),
    ],
)
async def test_half_a_provider_or_one_in_clear_is_refused_at_the_start(
    portal: Portal, told: dict[str, Any], name: str
) -> None:
    with pytest.raises(SettingsError, match=name):
        provider_of(portal.settings.model_copy(update=told))


@pytest.mark.parametrize("secret", ["", "changeme", "short"])
async def test_a_default_or_short_secret_of_a_client_is_refused_at_the_start(
    portal: Portal, tmp_path: Path, secret: str
) -> None:
    """Row P29."""
    (tmp_path / "secret").write_text(f"{secret}\n")
    told = {"oidc_secret": tmp_path / "secret"}
    with pytest.raises(SettingsError, match="CIVICGRID_OIDC_SECRET is easily found") as refused:
        provider_of(portal.settings.model_copy(update=told))
    assert not secret or secret not in str(refused.value)
    (tmp_path / "secret").write_text("of-a-length-that-will-do")
    assert provider_of(portal.settings.model_copy(update=told))
