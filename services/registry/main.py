"""The registry, wired."""

from libs import city
from libs.city import City
from libs.common.service import Service
from libs.privacy import register
from libs.rights.guard import guarding
from services.registry.api import routes
from services.registry.domain import APPOINTMENT, AREA, ORGANISATION, POST, WORK_CALENDAR
from services.registry.policies import POLICIES
from services.registry.projections import PROJECTIONS

SERVICE = Service(
    name="registry",
    deciders=(AREA, ORGANISATION, POST, APPOINTMENT, WORK_CALENDAR),
    policies=POLICIES,
    timers={},
    projections=PROJECTIONS,
    facts=City.build,
    consumes=("civicgrid.portal",),
    routes=routes,
    guard=guarding("registry"),
    demands=(register.check,),
    migrations=(city.MIGRATIONS,),
)
