"""Leads and what hangs on them: cards, routing rules, receipts of intake, reviews."""

from services.leads.domain.intake import INTAKE_ITEM
from services.leads.domain.lead import LEAD
from services.leads.domain.retention import RETENTION_REVIEW
from services.leads.domain.rule_set import RULE_BOOK
from services.leads.domain.supervision import SUPERVISION

__all__ = ["INTAKE_ITEM", "LEAD", "RETENTION_REVIEW", "RULE_BOOK", "SUPERVISION"]
