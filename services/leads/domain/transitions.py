"""Which step each state of a lead allows: leads.md, section 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from services.leads.domain.commands import (
    Accept,
    Arbitrate,
    Close,
    Dismiss,
    FeedBack,
    File,
    OrderRework,
    Return,
    Route,
    Sign,
    Step,
    Verify,
)

LeadStatus = Literal[
    "captured",
    "filed",
    "unrouted",
    "routed",
    "signed",
    "handling",
    "arbitration",
    "fed_back",
    "verified",
    "closed",
    "dismissed",
]
Status = Literal["", LeadStatus]

LEGAL: Mapping[Status, Mapping[type[Step], str]] = {
    "captured": {File: "file_lead", Dismiss: "dismiss_lead"},
    "filed": {Route: "route_lead"},
    "unrouted": {Route: "route_lead"},
    "routed": {Sign: "sign_lead", Return: "return_lead"},
    "signed": {Accept: "accept_lead", Return: "return_lead"},
    "handling": {FeedBack: "feed_back"},
    "arbitration": {Arbitrate: "arbitrate_lead"},
    "fed_back": {Verify: "verify_lead", OrderRework: "verify_lead"},
    "verified": {Close: "close_lead"},
    "closed": {},
    "dismissed": {},
}
"""Which commands each state takes, and their names for people."""

FROM_CASE: tuple[Status, ...] = ("routed", "signed", "handling")
