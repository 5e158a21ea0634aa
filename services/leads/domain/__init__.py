"""Leads and what hangs on them: cards, routing rules, receipts of intake."""

from services.leads.domain.intake import INTAKE_ITEM
from services.leads.domain.lead import LEAD
from services.leads.domain.rule_set import RULE_BOOK
from services.leads.domain.supervision import SUPERVISION

__all__ = ["INTAKE_ITEM", "LEAD", "RULE_BOOK", "SUPERVISION"]
