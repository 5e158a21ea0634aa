"""`python -m services.mediation`."""

from libs.common.serving import run
from services.mediation.main import SERVICE

run(SERVICE)
