"""The registry, wired."""

from libs import city
from libs.city import City
from libs.common.service import Service
from libs.privacy import register
from libs.rights.guard import guarding
from services.registry import sharing, subjects
from services.registry.api import routes
from services.registry.domain import APPOINTMENT, AREA, ORGANISATION, POST, WORK_CALENDAR
from services.registry.domain.shared_batch import SHARED_BATCH
from services.registry.domain.shared_entry import SHARED_ENTRY
from services.registry.domain.subject_request import SUBJECT_REQUEST
from services.registry.projections import PROJECTIONS

SERVICE = Service(
    name="registry",
    deciders=(
        AREA,
        ORGANISATION,
        POST,
        APPOINTMENT,
        WORK_CALENDAR,
        SUBJECT_REQUEST,
        SHARED_BATCH,
        SHARED_ENTRY,
    ),
    policies={**subjects.POLICIES, **sharing.POLICIES},
    timers=subjects.TIMERS,
    sweeps=sharing.SWEEPS,
    projections=PROJECTIONS,
    facts=City.build,
    consumes=(
        *("civicgrid.portal", "civicgrid.leads", "civicgrid.alerts"),
        *("civicgrid.mediation", "civicgrid.scoring"),
    ),
    gathers_seconds=0.5,
    routes=routes,
    guard=guarding("registry"),
    demands=(register.check,),
    migrations=(city.MIGRATIONS,),
)
