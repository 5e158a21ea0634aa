"""The portal, wired."""

from libs import city
from libs.city import City
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.portal import signing
from services.portal.api import routes
from services.portal.domain import ACCOUNT, SIGN_IN_NAME
from services.portal.policies import POLICIES, TIMERS

SERVICE = Service(
    name="portal",
    deciders=(ACCOUNT, SIGN_IN_NAME),
    policies={**POLICIES, **erasing.policies("portal")},
    timers=TIMERS,
    projections=city.COPIES,
    facts=City.build,
    consumes=("civicgrid.registry",),
    routes=routes,
    guard=guarding("portal"),
    demands=(register.check, signing.check),
    migrations=(city.MIGRATIONS,),
)
