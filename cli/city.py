"""All services of a city."""

from services.alerts.main import SERVICE as ALERTS
from services.leads.main import SERVICE as LEADS
from services.mediation.main import SERVICE as MEDIATION
from services.portal.main import SERVICE as PORTAL
from services.registry.main import SERVICE as REGISTRY
from services.scoring.main import SERVICE as SCORING

SERVICES = (REGISTRY, LEADS, ALERTS, MEDIATION, SCORING, PORTAL)
NAMES = tuple(service.name for service in SERVICES)
