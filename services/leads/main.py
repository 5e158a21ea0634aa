"""Leads, wired."""

from libs import city
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.leads.api import routes
from services.leads.domain import INTAKE_ITEM, LEAD, RULE_BOOK, SUPERVISION
from services.leads.facts import FACTS, Facts
from services.leads.policies import POLICIES, TIMERS, on_intake_buried

SERVICE = Service(
    name="leads",
    deciders=(LEAD, SUPERVISION, RULE_BOOK, INTAKE_ITEM),
    policies={**POLICIES, **erasing.policies("leads")},
    timers=TIMERS,
    projections=FACTS,
    facts=Facts.build,
    consumes=(
        *("civicgrid.registry", "civicgrid.portal"),
        *("civicgrid.mediation", "civicgrid.intake.*"),
    ),
    routes=routes,
    guard=guarding("leads", lambda facts: facts.city),
    demands=(register.check,),
    migrations=(city.MIGRATIONS,),
    buried=on_intake_buried,
)
