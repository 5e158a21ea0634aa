"""`python -m services.leads`."""

from libs.common.serving import run
from services.leads.main import SERVICE

run(SERVICE)
