"""HTTP in front of the writer: commands, problems (RFC 9457), preconditions, pages."""

from libs.common.http.answers import (
    CHANGED,
    OR_ABSENT,
    Changed,
    Story,
    answers,
    batch,
    either,
    page,
    shown,
)
from libs.common.http.batches import Each
from libs.common.http.codes import Code, NewCode, NewTerm, Term, may_be
from libs.common.http.described import DOOR, FOR_A_PURPOSE, KEEPS_NOTHING, MAY_MATCH
from libs.common.http.desk import Desk
from libs.common.http.fields import LINE, TEXT, Text
from libs.common.http.guards import caller_of, case_of
from libs.common.http.items import Item
from libs.common.http.limits import takes
from libs.common.http.moments import Moment
from libs.common.http.reading import Limit
from libs.common.http.requests import address_of, check_id, expected
from libs.common.messages import not_found

__all__ = [
    "CHANGED",
    "DOOR",
    "FOR_A_PURPOSE",
    "KEEPS_NOTHING",
    "LINE",
    "MAY_MATCH",
    "OR_ABSENT",
    "TEXT",
    "Changed",
    "Code",
    "Desk",
    "Each",
    "Item",
    "Limit",
    "Moment",
    "NewCode",
    "NewTerm",
    "Story",
    "Term",
    "Text",
    "address_of",
    "answers",
    "batch",
    "caller_of",
    "case_of",
    "check_id",
    "either",
    "expected",
    "may_be",
    "not_found",
    "page",
    "shown",
    "takes",
]
