"""Every read of the portal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from libs.common.contracts.portal import (
    AccountActivated,
    AccountEnabled,
    AccountOpened,
    AccountReset,
    PasswordChanged,
)
from services.portal.domain import ACCOUNT
from services.portal.domain.account import IN_OFFICE, Account

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

FIRST = UUID(int=0)
SHOWN = (
    *("status", "person_ref", "founder", "second_factor"),
    *("invited_until", "locked_until", "disabled_by", "sessions"),
)
PROOFS = (AccountActivated.type, PasswordChanged.type, AccountReset.type)
"""A reset leaves nothing of what was there before it."""
INVITATIONS = (AccountOpened.type, AccountEnabled.type, AccountReset.type)

ACCOUNTS = """
    SELECT id, version, state FROM account
    WHERE id > $1 AND ($2::text IS NULL OR status = $2) AND ($3::bool IS NULL OR founder = $3)
      AND ($4::uuid IS NULL OR id = $4)
    ORDER BY id LIMIT $5 + 1
"""
ONE = "SELECT id, version, state FROM account WHERE id = $1"
OF_NAME = """
    SELECT account.id, account.state::text FROM sign_in_name
    JOIN account ON account.id = (sign_in_name.state ->> 'account_id')::uuid
    WHERE sign_in_name.id = $1
"""
SUCCESSOR = """
    SELECT other.id FROM account AS gone JOIN account AS other ON other.id <> gone.id
    WHERE gone.id = $1 AND gone.founder AND other.founder AND other.status = ANY($2::text[])
    ORDER BY other.status, other.id LIMIT 1
"""
DEVICES = """
    SELECT id, version, state FROM device
    WHERE id > $1 AND ($2::text IS NULL OR account = $2) ORDER BY id LIMIT $3 + 1
"""
STATE = "SELECT id, state::text FROM account WHERE id = $1"
SEALED = """
    SELECT sealed FROM event
    WHERE aggregate = 'account' AND stream_id = $1 AND type = ANY($2::text[])
    ORDER BY version DESC LIMIT 1
"""


class Kept(NamedTuple):
    """An account as it is, and the newest seals of its password and of its invitation."""

    account: Account
    proofs: str | None
    invitation: str | None


async def accounts(
    connection: Connection,
    *,
    after: UUID,
    limit: int,
    status: str | None = None,
    founder: bool | None = None,
    id: UUID | None = None,
) -> Found:
    rows = await connection.fetch(ACCOUNTS, after, status, founder, id, limit)
    return [_shown(row) for row in rows]


async def account(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(ONE, id)
    return row and _shown(row)


async def successor(connection: Connection, id: UUID) -> UUID | None:
    """Of a founder, another who is in office."""
    found: UUID | None = await connection.fetchval(SUCCESSOR, id, IN_OFFICE)
    return found


async def devices(
    connection: Connection, *, after: UUID, limit: int, account: UUID | None = None
) -> Found:
    rows = await connection.fetch(DEVICES, after, account and str(account), limit)
    told = [(json.loads(row["state"]), row["version"]) for row in rows]
    return [{**state, "version": version} for state, version in told]


async def state(connection: Connection, id: UUID) -> Account | None:
    row = await connection.fetchrow(STATE, id)
    return ACCOUNT.state.validate_json(row["state"]) if row else None


async def kept(connection: Connection, id: UUID) -> Kept | None:
    return await _kept(connection, await connection.fetchrow(STATE, id))


async def kept_of_name(connection: Connection, name: UUID) -> Kept | None:
    """`name`: the id of a sign-in name."""
    return await _kept(connection, await connection.fetchrow(OF_NAME, name))


async def _kept(connection: Connection, row: asyncpg.Record | None) -> Kept | None:
    if row is None:
        return None
    proofs = await connection.fetchval(SEALED, row["id"], PROOFS)
    invitation = await connection.fetchval(SEALED, row["id"], INVITATIONS)
    return Kept(ACCOUNT.state.validate_json(row["state"]), proofs, invitation)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    state = json.loads(row["state"])
    shown = {name: state[name] for name in SHOWN}
    return {"id": str(row["id"]), "version": row["version"], **shown}
