"""Leads, wired."""

from libs import city
from libs.common.service import Service
from services.leads.api import routes
from services.leads.domain import INTAKE_ITEM, LEAD, RULE_BOOK, SUPERVISION
from services.leads.facts import FACTS, Facts
from services.leads.policies import POLICIES, TIMERS, on_intake_buried

SERVICE = Service(
    name="leads",
    deciders=(LEAD, SUPERVISION, RULE_BOOK, INTAKE_ITEM),
    policies=POLICIES,
    timers=TIMERS,
    projections=FACTS,
    facts=Facts.build,
    consumes=("civicgrid.registry", "civicgrid.mediation", "civicgrid.intake.*"),
    routes=routes,
    migrations=(city.MIGRATIONS,),
    buried=on_intake_buried,
)
