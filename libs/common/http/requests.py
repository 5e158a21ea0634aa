"""What a request says besides its body: who asks, what it expects, how to know it again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel

from libs.common.audit import Entry
from libs.common.callers import Caller
from libs.common.http.quotas import network_of
from libs.common.ids import FORM, id_of, named, uuid7
from libs.common.messages import Cause, Refused
from libs.common.wire import TRACEPARENT

PURPOSE, CASE = "Civicgrid-Purpose", "Civicgrid-Case"
"""Headers that say what a request is for: a code, and the id of the lead or case at hand."""
FORMS = {PURPOSE: "[a-z][a-z0-9_]*", CASE: "UUID"}

BATCH = "/batch"
"""How the route of many ends, behind that of one."""
_ETAG = re.compile(r'"(\d{1,9})"')
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_UUID = re.compile(FORM)
_PLAIN = re.compile(r"[\x21-\x7e]{1,200}")


def expected(request: Request) -> int | None:
    """The version that If-Match names (RFC 9110); None for `*`, where any will do. Refused with 428
    (RFC 6585) where a change says nothing of it."""
    value = request.headers.get("If-Match", "").strip()
    if not value:
        raise Refused("version_required", status=428)
    if value == "*":
        return None
    match = _ETAG.fullmatch(value)
    if not match:
        raise Refused("invalid_header", status=400, header="If-Match")
    return int(match[1])


def key_of(request: Request, id: UUID | None, item: int | None = None) -> str:
    """The client-made id, else the Idempotency-Key (with the number of the item in a batch),
    else a new one. What a caller chose freely may say anything: a digest stands for it."""
    key = told_key(request)
    if id is not None:
        return str(id)
    if key is None:
        return str(uuid7())
    told = key if item is None else f"{key}/{item}"
    return told if _UUID.fullmatch(told) else str(named(told))


def told_key(request: Request) -> str | None:
    """The Idempotency-Key. Refused, 400, where it is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _PLAIN.fullmatch(key):
        raise Refused("invalid_header", status=400, header="Idempotency-Key")
    return key


def check_id(id: UUID) -> UUID:
    """Ids that a client makes are UUIDs of version 7, so that indexes grow at their end. No client
    may take one that holds no time, of something with a name (`ids.named`), nor one of version 8,
    which follows from another (`ids.derived`)."""
    if id.version != 7 or not id.int >> 80:
        raise Refused("invalid_id", status=422, path="/id")
    return id


def address_of(request: Request) -> str:
    """Of the client, or its network; where a proxy is trusted, the one that it tells."""
    return network_of(request.client.host) if request.client else "unknown"


def source_of(request: Request, actor: str) -> str:
    """Keys are told apart by account and route; what is sent alone and in a batch is the same."""
    return f"{actor} {request.method} {request.scope['route'].path.removesuffix(BATCH)}"


def digest_of(request: Request, body: BaseModel | None) -> bytes:
    """Of what was asked: the address, the expected version and the body."""
    text = body.model_dump_json() if body else ""
    if _NUL.search(text):
        raise Refused("invalid", status=422, reason="NUL")
    head = f"{request.scope['path'].removesuffix(BATCH)}\n{request.headers.get('If-Match', '')}\n"
    return hashlib.blake2b((head + text).encode(), digest_size=32).digest()


def cause_of(request: Request, actor: str, key: str, service: str) -> Cause:
    """The correlation id is the caller's trace, where there is one, else made for this request."""
    id, trace = named(f"{service}/{key}"), _trace(request)
    correlation = trace[1] if trace else uuid7().hex
    source = f"/civicgrid/{service}/http"
    return Cause(actor, correlation, id, source, trace[0] if trace else None)


def _trace(request: Request) -> re.Match[str] | None:
    told = request.headers.get("traceparent")
    return TRACEPARENT.fullmatch(told) if told else None


def entry_of(request: Request, caller: Caller) -> Entry:
    """What is known of a request before it is looked into."""
    route, trace = request.scope["route"], _trace(request)
    told = _told(request) if request.scope["query_string"] else {}
    return Entry(
        actor=caller.actor,
        acting_for=" ".join(caller.acting_for),
        grant_id=caller.on_grant,
        action=route.name,
        resource=caller.resource,
        route=f"{request.method} {route.path}",
        purpose=_purpose(request),
        case_id=id_of(request.headers.get(CASE)),
        filters=" ".join(told),
        correlation_id=trace[1] if trace else uuid7().hex,
        ids=tuple(filter(None, map(id_of, (*request.path_params.values(), *_looked_for(told))))),
    )


def _told(request: Request) -> Mapping[str, str]:
    """Parameters of the query, of those that the route knows."""
    known, told = request.scope["route"].dependant.query_params, request.query_params
    return {one.alias: told[one.alias] for one in known if one.alias in told}


def _looked_for(told: Mapping[str, str]) -> Iterable[str]:
    """Where a page begins says nothing of what is on it."""
    return (value for name, value in told.items() if name != "after")


def _purpose(request: Request) -> str | None:
    told = request.headers.get(PURPOSE)
    return told if told and _PURPOSE.fullmatch(told) else None


def check_reason(request: Request, entry: Entry) -> None:
    """Raises Refused where a purpose or a case was told that is none."""
    told = ((PURPOSE, "/purpose", entry.purpose), (CASE, "/case", entry.case_id))
    for header, path, found in told:
        if found is None and header in request.headers:
            wanted = FORMS[header]
            raise Refused("reason_unclear", status=422, path=path, header=header, wanted=wanted)
