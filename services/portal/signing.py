"""Tokens for those who are signed in. Two: one to ask with, for minutes; one to get it anew."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.settings import Settings, SettingsError
from libs.rights.tokens import ACCESS_SECONDS, SIGNING, Bearer, Keyring, Signer
from services.portal.domain.account import Account
from services.portal.provider import provider_of


def check(settings: Settings) -> None:
    """Raises SettingsError where there is nothing to sign with, or half a provider; of what every
    service reads tokens with, the guard has made sure."""
    provider_of(settings)
    assert settings.tokens
    try:
        Signer(settings.tokens)
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"CIVICGRID_TOKENS has no {SIGNING} that can be read ({type(error).__name__}):"
            " `civicgrid init` makes it"
        ) from error


class Tokens:
    """`folder`: of the keys; they are looked for when the first is needed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def keyring(self) -> Keyring:
        return Keyring(self._there)

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._there)

    @property
    def _there(self) -> Path:
        assert self._folder, "checked at the start"
        return self._folder

    def both(
        self, account: Account, session: UUID, strong: bool, seconds: float
    ) -> Mapping[str, Any]:
        """For a session that lasts so many seconds more. `strong`: see `Bearer`."""
        ends = int(time.time() + seconds)
        bearer = Bearer(account.id, session, account.person_ref, account.founder, strong, ends)
        return {**self._access(bearer), "refresh_token": self._signer.sign(bearer, "refresh")}

    def anew(self, account: Account, refresh: Bearer) -> Mapping[str, Any]:
        """An access token, no longer good than the session that `refresh` speaks of."""
        return self._access(replace(refresh, person=account.person_ref, founder=account.founder))

    def _access(self, bearer: Bearer) -> Mapping[str, Any]:
        now = int(time.time())
        seconds = min(ACCESS_SECONDS, bearer.expires_at - now)
        token = self._signer.sign(replace(bearer, expires_at=now + seconds))
        return {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}


def is_signed_in(account: Account | None, session: UUID, now: datetime) -> bool:
    """Whether that session is open. A lock keeps nobody from going on: else whoever knows a name
    could end its owner's work."""
    if account is None or account.status not in ("active", "locked"):
        return False
    open = account.session(session)
    return open is not None and open.ends_at > now
