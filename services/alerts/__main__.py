"""`python -m services.alerts`."""

from libs.common.serving import run
from services.alerts.main import SERVICE

run(SERVICE)
