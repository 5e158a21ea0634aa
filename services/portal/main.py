"""The portal, wired."""

from libs import city
from libs.city import City
from libs.common.service import Service
from libs.privacy import register
from libs.rights.guard import guarding
from services.portal import access, policies, signing
from services.portal.api import routes
from services.portal.domain import ACCOUNT, BREAK_GLASS, DEVICE, GRANTEE, SIGN_IN_NAME

SERVICE = Service(
    name="portal",
    deciders=(ACCOUNT, SIGN_IN_NAME, DEVICE, BREAK_GLASS, GRANTEE),
    policies={**policies.POLICIES, **access.POLICIES},
    timers={**policies.TIMERS, **access.TIMERS},
    projections=city.COPIES,
    facts=City.build,
    consumes=("civicgrid.registry",),
    routes=routes,
    guard=guarding("portal"),
    demands=(register.check, signing.check),
    migrations=(city.MIGRATIONS,),
)
