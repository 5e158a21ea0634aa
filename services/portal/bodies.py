"""What callers send: shapes and ranges only, the rules are the domain's."""

from __future__ import annotations

import re
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from libs.common.contracts.portal import BreakGlassFinding, BreakGlassReason
from libs.common.http import TEXT
from libs.rights.tokens import MAX_LENGTH
from services.portal.domain.break_glass import MOST_MINUTES

_NAME = r"^[a-z0-9][a-z0-9._-]{2,39}$"


def _in_form(told: object) -> object:
    if isinstance(told, str) and not re.fullmatch(_NAME, told):
        raise PydanticCustomError("sign_in_name", "not of the form of a name")
    return told


Name = Annotated[str, StringConstraints(pattern=_NAME), BeforeValidator(_in_form)]
"""To sign in by, such as a staff number."""
PASSWORD_LENGTH = (12, 128)
NewPassword = Annotated[
    str, StringConstraints(min_length=PASSWORD_LENGTH[0], max_length=PASSWORD_LENGTH[1])
]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
TotpSecret = Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{32}$")]
"""160 bits in base32 (RFC 4226)."""
Token = Annotated[str, StringConstraints(max_length=MAX_LENGTH)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def __repr_args__(self) -> tuple[()]:
        """What somebody signs in by is in no log, not even of a crash."""
        return ()


class SignInBody(Body):
    name: Name
    password: Secret
    code: Code | None = None
    device: UUID | None = None


class RefreshBody(Body):
    refresh_token: Token


class AccountBody(Body):
    """`person_ref`: as the registry knows them; none for a founder."""

    name: Name
    person_ref: UUID | None = None
    founder: bool = False
    second_factor: bool = True


class ActivationBody(Body):
    """`totp_secret` is made by the client and proved by a `code`; without a second factor there is
    neither."""

    name: Name
    invitation: Secret
    password: NewPassword
    totp_secret: TotpSecret | None = None
    code: Code | None = None


class PasswordBody(Body):
    old_password: Secret
    new_password: NewPassword


Words = Annotated[
    str, StringConstraints(pattern=TEXT, strip_whitespace=True, min_length=10, max_length=1000)
]


class AccessBody(Body):
    """One of `record` (the id of a lead, an alert or a case) and `area` (the code of a community or
    a cell)."""

    id: UUID
    record: UUID | None = None
    area: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    reason: BreakGlassReason
    text: Words
    case_id: UUID
    minutes: Annotated[int, Field(strict=True, ge=1, le=MOST_MINUTES)] = MOST_MINUTES
    emergency: bool = False

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.record is None) == (self.area is None):
            raise PydanticCustomError("one_of", "a record or an area")
        return self


class ReviewBody(Body):
    finding: BreakGlassFinding
    note: Words


class DeviceBody(Body):
    """An id that the device made."""

    id: UUID


class ProviderBody(Body):
    """What came back from the provider, and the try that it belongs to."""

    flow: UUID
    state: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    code: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    device: UUID | None = None


class SubjectBody(Body):
    """As the provider knows somebody."""

    subject: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
