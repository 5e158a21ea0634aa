"""S3: no method, header or address does more than the rights file says.

Every route x role: `tests/e2e/small_city/test_rights_matrix.py`.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from itertools import product

import httpx
import pytest

from cli.city import SERVICES
from libs.common.ids import uuid7
from libs.common.serving import admin, interface
from tests.attacks.people import HELD, INFORMANT, OFFICER
from tests.e2e.small_city.plan import CELL
from tests.support.routes import routes_of
from tests.support.town import Town

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW")
ALLOWED: defaultdict[str, set[str]] = defaultdict(set)
for one in (route for service in SERVICES for route in routes_of(service)):
    ALLOWED[one.path_format] |= one.methods or set()
OPERATORS = ("/docs", "/redoc", "/openapi.json", "/metrics", "/live", "/ready", "/health")


async def test_a_method_that_an_address_does_not_take_is_405_and_says_which_it_does(
    town: Town,
) -> None:
    for path, methods in ALLOWED.items():
        address = path.format(id="0" * 8, code="x", scheme="x", subject="x", rule_set=1, year=2026)
        for method in set(METHODS) - methods:
            answer = await town.client.request(method, address)
            assert answer.status_code == 405, f"{method} {path}"
            allowed = set(answer.headers["allow"].split(", "))
            assert allowed == methods, f"{method} {path}"
            if method != "HEAD":
                assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL"]
)
async def test_no_header_makes_another_request_of_one(town: Town, header: str) -> None:
    there = town.of(INFORMANT).client
    for value in ("POST", "PUT", "/accounts", "DELETE"):
        answer = await there.get("/alert-rules", headers={header: value})
        assert (answer.status_code, "rules" in answer.json()) == (200, True)


@pytest.mark.parametrize("path", OPERATORS)
async def test_what_is_for_operators_is_not_outside(town: Town, path: str) -> None:
    for address in (path, f"/{path}", f"{path}/", path.upper(), f"/.{path}", f"/%2e{path}"):
        answer = await town.client.get(address, follow_redirects=True)
        assert answer.status_code == 404, address


async def test_operators_have_it_on_a_port_of_their_own(town: Town) -> None:
    running = [one for one in town.running.values() if one]
    transport = httpx.ASGITransport(admin(running, interface(running)))
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
        assert (await client.get("/live")).status_code == 200
        assert "civicgrid_" in (await client.get("/metrics")).text
        document = (await client.get("/openapi.json")).json()
        assert set(document["paths"]) == set(ALLOWED)
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/leads")).status_code == 404


WORDS = ("person", "resident", "household", "people", "user", "member", "entry", "shared-entry",
         "subject", "reporter", "suspect", "victim", "minor", "family", "name", "phone",
         "id-number", "file", "register", "party")  # fmt: skip
FORMS = ("/{0}", "/{0}s", "/{0}s/search", "/{0}s/count", "/{0}s?name=w", "/{0}/1", "/search/{0}",
         "/search?type={0}", "/api/{0}s", "/api/v1/{0}s", "/v1/{0}", "/list/{0}", "/leads/{0}s",
         "/areas/x/{0}s", "/registry/{0}s", "/portal/{0}s", "/export/{0}s", "/admin/{0}s",
         "/{0}s/export", "/{0}s.csv", "/graphql?query={0}", "/alerts/{0}/list", "/count/{0}s",
         "/{0}s/batch", "/{0}s/find", "/scores/{0}s")  # fmt: skip


async def test_nobody_finds_a_list_of_persons_by_guessing(town: Town) -> None:
    """Row P4: the routes of a grid worker list, search and count no person."""
    there, tried = town.of(INFORMANT).client, 0
    for word, form, method in itertools.product(WORDS, FORMS, ("GET", "POST")):
        answer = await there.request(method, form.format(word))
        assert answer.status_code in (404, 405), f"{method} {form.format(word)}"
        tried += 1
    assert tried >= 1000


THINGS = ("posts", "appointments", "accounts", "subject-requests", "shared-entries", "persons",
          "shared-batches", "break-glass", "holders", "residents")  # fmt: skip
ASKED = ("", "?limit=1", "?limit=200", "?name=Li", "?name=Li*", "?category=released_prisoner",
         "?status=active", "?area={0}", "?cell={0}", "?count=true", "?q=Han+Mei", "?total=1",
         "?after=00000000-0000-0000-0000-000000000000", "?sort=name", "?fields=id",
         "/search", "/search?name=Li", "/count", "/counts", "/list", "/find?phone=138", "/export",
         "/all", "/index", "/{0}", "/{1}", "/{1}/entries", "/of/{0}", "/by-cell/{0}", "/total",
         "/statistics", "/summary", "/me", "/1", "/0", "/*", "/%2a")  # fmt: skip
FOR_THE_GRID = [HELD[role, area] for role, area in HELD if role in ("grid_informant", "grid_head")]


async def test_a_grid_worker_who_lists_searches_or_counts_persons_finds_nothing(town: Town) -> None:
    """Row P4 says 404 or 405, section 6 of the requirements 403 where a role may never call a
    function. Both hold: of a list of persons a grid worker is not even told that there is one;
    403 they get where nothing of persons is listed, and others get it here, too."""
    worker, tried = town.of(INFORMANT).client, Counter[int]()
    head = town.of(FOR_THE_GRID[-1]).client
    ids = (CELL, str(uuid7()))
    for thing, form, method in product(THINGS, ASKED, ("GET", "HEAD", "SEARCH")):
        address = f"/{thing}{form.format(*ids)}"
        for client in (worker, head) if method == "GET" else (worker,):
            answer = await client.request(method, address)
            assert answer.status_code in (404, 405), f"{method} {address}: {answer.status_code}"
            tried[answer.status_code] += 1
    assert tried.total() >= 1000 and min(tried[404], tried[405]) > 100, tried


async def test_others_who_may_not_list_persons_are_told_so(town: Town) -> None:
    """As section 6 of the requirements says; what the police share is nobody's business."""
    officer = town.of(OFFICER).client
    for path, status in (("/accounts", 403), ("/subject-requests", 403), ("/posts", 403)):
        assert (await officer.get(path)).status_code == status, path
    assert (await town.of(INFORMANT).client.get("/retention-reviews")).status_code == 403


async def test_no_route_of_a_grid_worker_names_a_person(town: Town) -> None:
    """Row P4, by what they get: nobody's reference but their own is in any list that they see."""
    there = town.of(INFORMANT)
    for path, methods in ALLOWED.items():
        if "GET" in methods and "{" not in path:
            answer = await there.client.get(path)
            if answer.status_code == 200 and path not in ("/me", "/notifications"):
                text = answer.text.replace(str(INFORMANT), "")
                assert str(OFFICER) not in text or path == "/mediation-centres", path
