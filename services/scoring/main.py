"""Scoring, wired."""

from libs import city
from libs.city import FIRST, City
from libs.common.service import Service
from libs.privacy import erasing, register
from libs.rights.guard import guarding
from services.scoring.api import routes
from services.scoring.domain import SCORE
from services.scoring.policies import POLICIES, SWEEPS
from services.scoring.projections import PROJECTIONS
from services.scoring.schemes import SCHEMES

SERVICE = Service(
    name="scoring",
    deciders=(SCORE,),
    policies={**POLICIES, **erasing.policies("scoring")},
    timers={},
    projections=PROJECTIONS,
    facts=City.build,
    consumes=(
        *FIRST,
        "civicgrid.leads",
        "civicgrid.alerts",
        "civicgrid.mediation",
    ),
    first=FIRST,
    routes=routes,
    guard=guarding("scoring"),
    demands=(
        register.check,
        *(register.assessed(f"scheme {one.id}", one.assessment) for one in SCHEMES.values()),
    ),
    migrations=(city.MIGRATIONS,),
    gathers_seconds=0.5,
    sweeps=SWEEPS,
)
