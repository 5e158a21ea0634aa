"""All services of a city."""

from services.leads.main import SERVICE as LEADS
from services.registry.main import SERVICE as REGISTRY

SERVICES = (REGISTRY, LEADS)
