"""HTTP in front of the writer: commands, problems (RFC 9457), preconditions, pages."""

from libs.common.http.batches import Each
from libs.common.http.codes import Code, Term
from libs.common.http.desk import Desk
from libs.common.http.guards import caller_of
from libs.common.http.items import Item
from libs.common.http.moments import Moment
from libs.common.http.problems import not_found
from libs.common.http.reading import Limit
from libs.common.http.requests import expected

__all__ = [
    "Code",
    "Desk",
    "Each",
    "Item",
    "Limit",
    "Moment",
    "Term",
    "caller_of",
    "expected",
    "not_found",
]
