"""What the portal answers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from libs.common.http import OR_ABSENT, Changed, shown
from services.portal.domain import account, break_glass, device
from services.portal.domain.account import Session
from services.portal.queries import SHOWN

_OWN = set(account.Account.__dataclass_fields__) - {"id", *SHOWN}

AccountShown = shown("AccountShown", account.Account, hidden=_OWN, status=account.AccountStatus)
DeviceShown = shown("DeviceShown", device.Device, status=device.DeviceStatus)
Grant = shown("Grant", break_glass.BreakGlass, status=break_glass.GrantStatus)
GrantInWords = shown(
    "GrantInWords", break_glass.BreakGlass, status=break_glass.GrantStatus, text=str | None
)


class AccessToken(BaseModel):
    """`expires_in`: seconds."""

    access_token: str
    expires_in: int
    token_type: str


class SignedIn(AccessToken):
    """`refresh_token`: good as long as the session lasts."""

    refresh_token: str


class Activated(BaseModel):
    id: UUID


class Held(BaseModel):
    """A post, by what one is in it, and where."""

    role: str
    area: str
    organisation: str | None


class Me(BaseModel):
    account: UUID
    person_ref: UUID | None
    founder: bool
    session: Session
    posts: list[Held]


class Opened(Changed):
    """`invitation`: in the first answer alone."""

    invitation: str = OR_ABSENT


class Invited(BaseModel):
    """`invitation`: in the first answer alone, where there is one."""

    id: UUID
    version: int
    invited_until: datetime | None
    invitation: str = OR_ABSENT


class Begun(BaseModel):
    """`address`: of the provider, where somebody signs in and comes back from."""

    flow: UUID
    address: str
