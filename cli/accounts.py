"""`civicgrid init`, `login`, `logout`, `whoami` and `accounts`: who may do anything here at all."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import pyotp
import typer

from cli import credentials, ground, passes
from cli.client import DEFAULT, City, CityError, NoCity, Refusal, SignedOut, Url, address
from cli.passes import Pass
from cli.screen import Json, console, errors, show_facts, show_json, show_table, shown
from libs.common.messages import Refused
from libs.rights.tokens import make_keys
from services.portal import proofs
from services.portal.bodies import PASSWORD_LENGTH
from services.portal.domain.account import IN_OFFICE

app = typer.Typer(no_args_is_help=True, help="Who has an account, and in which state it is.")

Id = Annotated[UUID, typer.Argument(metavar="ACCOUNT", help="its id, as `accounts list` shows it")]
Name = Annotated[
    str,
    typer.Argument(help="to sign in by, such as a staff number: 3 to 40 of a-z, 0-9, dot, _ and -"),
]
PASSWORD_RULE = "{} to {} characters, no usual password, without your name".format(*PASSWORD_LENGTH)
NOT_INVITED = (
    "not activated: the sign-in name or the invitation is wrong, or the invitation was used before"
    " or has run out. Ask a founder for a new one: they run `civicgrid accounts reset ACCOUNT`"
)
NOT_SIGNED_IN = (
    "not signed in: name, password or code is wrong, a code was used before, or the account is"
    " locked or not open. Wait for the next code; a lock ends after a quarter of an hour, or a"
    " founder runs `civicgrid accounts unlock ACCOUNT`, and `reset` for a lost password or phone"
)


def init(
    founder: Annotated[str, typer.Option(help="the sign-in name of the founder")] = "founder",
    url: Annotated[
        str | None,
        typer.Option(
            "--url", callback=address, help="where their city answers, if not on this machine"
        ),
    ] = None,
) -> None:
    """Make keys for access tokens and the first account; what is there already stays as it is.
    Where no founder can sign in any more it opens the account of another, under another name."""
    folder = ground.tokens_folder()
    made = make_keys(folder)
    console.print(f"keys for access tokens: {'made' if made else 'there already'}, in {folder}")
    city = City(passes.city_of(folder, url) or ground.url_here() or DEFAULT, Pass(folder).token)
    try:
        founders = list(city.pages("/accounts", founder="true"))
    except NoCity:
        console.print(
            "no city answers yet: start one with `civicgrid up`, then run `civicgrid init` again"
        )
        return
    except SignedOut:
        console.print(
            f"the city at {city.url} knows other keys: name their folder in CIVICGRID_TOKENS"
        )
        raise typer.Exit(1) from None
    if not _is_there(founders):
        _open_founder(city, founder)


def _is_there(founders: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of them signs in, or may yet activate an account; told."""
    if any(one["status"] in IN_OFFICE for one in founders):
        console.print("there is a founder already: sign in with `civicgrid login`")
        return True
    ends = [one["invited_until"] for one in founders if one["status"] == "invited"]
    until = max(map(datetime.fromisoformat, ends), default=None)
    if until is None or until <= datetime.now(UTC):
        return False
    console.print(
        f"there is a founder already, who has until {shown(until)} to run `civicgrid accounts"
        " activate`; after that `civicgrid init` opens the account of another"
    )
    return True


def _open_founder(city: City, name: str) -> None:
    """The keys here could sign in as one: whoever has them gets no more than that."""
    try:
        answer = city.post("/accounts", {"name": name, "founder": True})
    except Refusal as refusal:
        if refusal.code != "name_taken":
            raise
        raise CityError(
            f"no founder can sign in, and the name {name} is in use: open the account of another"
            " with `civicgrid init --founder NAME`"
        ) from None
    _tell_opened(name, answer)


def _tell_opened(name: str, answer: dict[str, Any]) -> None:
    console.print(f"account {answer['id']}, sign-in name {name}")
    _tell_invited(name, answer)


def _tell_invited(name: str, answer: dict[str, Any]) -> None:
    console.print(f"invitation, shown this once and good for 7 days: {answer['invitation']}")
    console.print(f"its owner runs `civicgrid accounts activate {name}`, then `civicgrid login`")


def login(
    name: Annotated[str | None, typer.Argument(help="your sign-in name")] = None, url: Url = None
) -> None:
    """Sign in, for twelve hours at most. Where input is no terminal, it is a line for each of what
    would be asked: the name, if it is left out, the password, and the code, if there is one."""
    city = City(url, token="")
    name = name or _asked("Sign-in name")
    password = _asked("Password", hide_input=True)
    code = _asked("Code (empty where you have none)", default="", show_default=False)
    told = {"name": name, "password": password, "code": code or None}
    try:
        tokens = city.post("/sign-in", told)
    except SignedOut:
        console.print(NOT_SIGNED_IN)
        raise typer.Exit(1) from None
    credentials.keep(city.url, name, tokens["refresh_token"])
    console.print(f"signed in at {city.url}")


def _asked(question: str, **how: Any) -> str:
    """What is typed; of what is piped in, the next line, and no question. Raises CityError."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, **how))
    line = sys.stdin.readline()
    if not line and "default" not in how:
        raise CityError(f"nothing was done: the input ends before the line for: {question}")
    return line.rstrip("\r\n")


def logout(url: Url = None) -> None:
    """End the session of this machine."""
    city = City(url)
    if credentials.kept(city.url) is None:
        console.print("nobody was signed in")
        return
    with suppress(SignedOut):
        city.post("/sign-out")
    credentials.forget(city.url)
    console.print("signed out")


def whoami(url: Url = None, as_json: Json = False) -> None:
    """Which account this machine is signed in with, by which name and until when, and the posts
    that its owner holds."""
    city = City(url)
    me = city.get("/me")
    kept = credentials.kept(city.url)
    me = {"name": kept and kept.name, **me}
    if as_json:
        return show_json(me)
    session, posts = me.pop("session"), list(map(_post, me.pop("posts")))
    show_facts({**me, "posts": posts, "session": session["id"], "until": session["ends_at"]})


@app.command("list")
def list_accounts(
    status: Annotated[str | None, typer.Option(help="invited, active, locked or disabled")] = None,
    person: Annotated[UUID | None, typer.Option(help="whose, as the registry knows them")] = None,
    posts: Annotated[
        bool, typer.Option("--posts", help="with the posts that they hold; it takes a while")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """All accounts: founders alone may see them. Nobody is shown a sign-in name: the city keeps
    none that can be read."""
    city = City(url, options={"status": "--status"})
    rows = list(city.pages("/accounts", status=status, person_ref=person))
    if posts:
        held = _posts(city)
        rows = [{**row, "posts": held.get(row["person_ref"], [])} for row in rows]
    if as_json:
        return show_json(rows)
    names = (
        "id",
        "status",
        "person_ref",
        "founder",
        "second_factor",
        *(["posts"] if posts else ()),
    )
    show_table([{**{n: row[n] for n in names}, "sessions": len(row["sessions"])} for row in rows])


def _posts(city: City) -> dict[str, list[str]]:
    """Of each person, by reference: the role and the area of each post that they hold."""
    held: dict[str, list[str]] = defaultdict(list)
    for post in city.pages("/posts"):
        if post["person_ref"]:
            held[post["person_ref"]].append(_post(post))
    return held


def _post(post: Mapping[str, Any]) -> str:
    return f"{post['role']} of {post['area']}"


@app.command("open")
def open_account(
    name: Name,
    person: Annotated[UUID | None, typer.Option(help="as the registry knows them")] = None,
    founder: Annotated[bool, typer.Option("--founder", help="of who runs the system")] = False,
    second_factor: Annotated[
        bool, typer.Option(help="the role grid_informant alone does without")
    ] = True,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """An account for a person, and an invitation to hand over to them."""
    told = {"name": name, "founder": founder, "second_factor": second_factor}
    city = City(url, options={"person_ref": "--person", "second_factor": "--second-factor"})
    answer = city.post("/accounts", {**told, "person_ref": person and str(person)})
    show_json(answer) if as_json else _tell_opened(name, answer)
    if person and not _holds_a_post(city, person):
        errors.print(
            f"{person} holds no post: until they are appointed this account may do nothing. See"
            " that the id is right"
        )


def _holds_a_post(city: City, person: UUID) -> bool:
    """Or may, where nobody tells: the account is open, whatever becomes of this."""
    try:
        return any(post["person_ref"] == str(person) for post in city.pages("/posts"))
    except CityError:
        return True


@app.command()
def activate(
    name: Name,
    second_factor: Annotated[bool, typer.Option(help="codes of an app on your phone")] = True,
    url: Url = None,
) -> None:
    """With the invitation that you got: choose a password, and an app that makes codes. Where input
    is no terminal, it is a line for each of what would be asked: the invitation, the password
    twice, and the code of the secret that is shown then."""
    invitation = _asked("Invitation", hide_input=True)
    told = {"name": name, "invitation": invitation, "password": _new_password(name)}
    if second_factor:
        told |= _second_factor(name)
    try:
        City(url, token="").post("/accounts/activate", told)
    except SignedOut:
        raise CityError(NOT_INVITED) from None
    console.print(f"active: `civicgrid login {name}` with the next code that your app shows")


def _new_password(name: str) -> str:
    """Asked for until it is one that the city takes."""
    while True:
        password = _asked(f"New password ({PASSWORD_RULE})", hide_input=True)
        if not _is_good(password, name):
            errors.print(f"this password is not taken: it needs {PASSWORD_RULE}")
        elif password != _asked("Once more", hide_input=True):
            errors.print("these two are not the same")
        else:
            return password


def _is_good(password: str, name: str) -> bool:
    least, most = PASSWORD_LENGTH
    try:
        proofs.check(password, name, "/password")
    except Refused:
        return False
    return least <= len(password) <= most


def _second_factor(name: str) -> dict[str, str]:
    secret = pyotp.random_base32()
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="civicgrid")
    typer.echo(f"Enter this secret into your app: {secret}")
    typer.echo(f"or open this address with it: {address}")
    return {"totp_secret": secret, "code": _asked("Code that it shows now")}


@app.command()
def unlock(id: Id, url: Url = None) -> None:
    """Before a quarter of an hour does it."""
    _step(url, id, "unlock")


@app.command()
def disable(id: Id, url: Url = None) -> None:
    """It signs in no more, and all of its sessions end. Not your own, nor the last founder's."""
    _step(url, id, "disable")


@app.command()
def enable(id: Id, url: Url = None) -> None:
    """By another than who disabled it; an account that was never activated is invited again."""
    _inviting_step(url, id, "enable")


@app.command()
def reset(id: Id, url: Url = None) -> None:
    """For whoever lost a password or a phone: all sessions end, and they are invited again."""
    _inviting_step(url, id, "reset")


def _inviting_step(url: str | None, id: UUID, name: str) -> None:
    answer = _step(url, id, name)
    if answer.get("invitation"):
        _tell_invited("NAME", answer)


@app.command()
def revoke_sessions(id: Id, url: Url = None) -> None:
    """Wherever it is signed in, it is no more."""
    _step(url, id, "revoke-sessions")


def _step(url: str | None, id: UUID, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = City(url).post(f"/accounts/{id}/{name}", version="*")
    console.print(f"done: {name} {id}")
    return answer
