"""Alerts, wired."""

from libs import city
from libs.city import FIRST, City
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.alerts.api import routes
from services.alerts.domain import ALERT
from services.alerts.policies import POLICIES, TIMERS
from services.alerts.projections import PROJECTIONS
from services.alerts.rules import RULES

SERVICE = Service(
    name="alerts",
    deciders=(ALERT,),
    policies={**POLICIES, **erasing.policies("alerts")},
    timers=TIMERS,
    projections=PROJECTIONS,
    facts=City.build,
    consumes=(
        *FIRST,
        *("civicgrid.leads", "civicgrid.mediation"),
    ),
    first=FIRST,
    routes=routes,
    guard=guarding("alerts"),
    demands=(register.check, register.assessed("alert rules", RULES.assessment)),
    migrations=(city.MIGRATIONS,),
)
