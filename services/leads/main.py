"""Leads, wired."""

from libs import city
from libs.city import FIRST
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.leads import policies, reviews
from services.leads.api import routes
from services.leads.domain import INTAKE_ITEM, LEAD, RETENTION_REVIEW, RULE_BOOK, SUPERVISION
from services.leads.facts import Facts
from services.leads.projections import PROJECTIONS
from services.leads.rules import ROUTING

SERVICE = Service(
    name="leads",
    deciders=(LEAD, SUPERVISION, RULE_BOOK, INTAKE_ITEM, RETENTION_REVIEW),
    policies={**policies.POLICIES, **reviews.POLICIES, **erasing.policies("leads")},
    timers={**policies.TIMERS, **reviews.TIMERS},
    projections=PROJECTIONS,
    facts=Facts.build,
    consumes=(
        *FIRST,
        *("civicgrid.mediation", "civicgrid.intake.*"),
    ),
    first=FIRST,
    routes=routes,
    guard=guarding("leads", lambda facts: facts.city),
    demands=(register.check, register.assessed("routing rules", ROUTING.assessment)),
    migrations=(city.MIGRATIONS,),
    buried=policies.on_intake_buried,
    sweeps=reviews.SWEEPS,
)
