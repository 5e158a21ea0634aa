"""Mediation, wired."""

from libs import city
from libs.city import FIRST, City
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.mediation.api import routes
from services.mediation.domain import CASE
from services.mediation.policies import POLICIES, TIMERS

SERVICE = Service(
    name="mediation",
    deciders=(CASE,),
    policies={**POLICIES, **erasing.policies("mediation")},
    timers=TIMERS,
    projections=city.COPIES,
    facts=City.build,
    consumes=(*FIRST, "civicgrid.leads"),
    first=FIRST,
    routes=routes,
    guard=guarding("mediation"),
    demands=(register.check,),
    migrations=(city.MIGRATIONS,),
    gathers_seconds=0.1,
)
