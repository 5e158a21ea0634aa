"""What an operator may set, by the environment; what is unknown or unsafe is refused by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common import failpoints

PREFIX = "CIVICGRID_"


Port = Annotated[int, Field(ge=1, le=65535)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]

LEAST_PASSWORD = 12
SUPERUSER = "superuser/postgres"
"""Below the secrets, in a folder of its own: services do not get to see it."""


class SettingsError(Exception):
    """A setting is missing, unknown or unsafe; the text names it and says what to do."""


class Settings(BaseSettings):
    """`database_url` holds `{service}` and `{role}`; where `secrets` is set, the password of a
    role is read from the file of its name there."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid")
    kafka_bootstrap_servers: Annotated[str, Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS")]
    database_url: Annotated[str, Field(validation_alias="DATABASE_URL", repr=False)]
    secrets: Path | None = None
    tokens: Path | None = None
    """A folder with the keys of access tokens; `civicgrid init` makes them."""
    oidc_issuer: str | None = None
    """A provider of OpenID Connect, for the portal; with `oidc_client` and `oidc_redirect`, as they
    are registered there, and a file with a secret if there is one."""
    oidc_client: str | None = None
    oidc_redirect: str | None = None
    oidc_secret: Path | None = None
    admin_url: Annotated[str | None, Field(repr=False)] = None
    """A superuser of PostgreSQL, to make databases and roles with; no service needs it."""
    host: str = "127.0.0.1"
    port: Port = 8080
    admin_port: Port = 9090
    account_rate: Rate = 20
    """Requests a second of an account (row Q13), and of an address, in each process."""
    address_rate: Rate = 200
    connections: Annotated[int, Field(ge=1)] = 2048
    """That may be open at once."""
    demo: bool = False
    """Whether everybody in this city is made up: what could be somebody's identity is refused (row
    P23)."""
    instance: str | None = None
    """Ordinal of this process among those of its service; None for replicas without one."""
    failpoint: str | None = None
    """Where this process kills itself, for tests of faults alone: see `libs.common.failpoints`."""

    @field_validator("failpoint")
    @classmethod
    def _is_known(cls, told: str | None) -> str | None:
        if told is not None and not failpoints.is_known(told):
            raise ValueError(f"known are {', '.join(failpoints.NAMES)}")
        return told

    def url(self, service: str, role: str) -> str:
        """Of a role (owner, writer, reader) of a service's database."""
        name = f"{service}_{role}"
        url = self.database_url.replace("{service}", service).replace("{role}", name)
        url = self._with_secret(url, name)
        password = unquote(urlsplit(url).password or "")
        if not password:
            raise SettingsError(
                f"DATABASE_URL has no password for {name}: put one in, or set CIVICGRID_SECRETS"
                " to a folder with a file for each role"
            )
        if len(password) < LEAST_PASSWORD or password in (name, service, role):
            raise SettingsError(
                f"the password of {name} is easily found: let `python -m cli.setup secrets` make"
                f" one, or choose {LEAST_PASSWORD} characters or more"
            )
        return url

    def superuser_url(self) -> str | None:
        """Of `admin_url`, with the password that is kept among the secrets, if one is."""
        return self.admin_url and self._with_secret(self.admin_url, SUPERUSER)

    def password(self, role: str) -> str:
        """Of a role such as `leads_writer`."""
        service, _, kind = role.rpartition("_")
        return unquote(urlsplit(self.url(service, kind)).password or "")

    def _with_secret(self, url: str, name: str) -> str:
        if not self.secrets:
            return url
        try:
            password = (self.secrets / name).read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"CIVICGRID_SECRETS has no file for {name} that can be read ({error}):"
                " `python -m cli.setup secrets` makes it"
            ) from error
        scheme, _, rest = url.partition("://")
        user = urlsplit(url).username
        return f"{scheme}://{user}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"


def load() -> Settings:
    """From the environment. Raises SettingsError."""
    known = {
        f"{PREFIX}{name.upper()}"
        for name, field in Settings.model_fields.items()
        if not field.validation_alias
    }
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"unknown setting {unknown[0]}: known are {', '.join(sorted(known))}")
    try:
        settings = Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        name = f"{PREFIX}{name.upper()}" if name in Settings.model_fields else name
        raise SettingsError(f"the setting {name} is not usable: {first['msg']}") from error
    for part in ("{service}", "{role}"):
        if part not in settings.database_url:
            raise SettingsError(f"DATABASE_URL must hold {part}: a database and roles each service")
    return settings
