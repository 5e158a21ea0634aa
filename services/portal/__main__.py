"""`python -m services.portal`."""

from libs.common.serving import run
from services.portal.main import SERVICE

run(SERVICE)
