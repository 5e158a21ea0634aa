"""`python -m services.registry`."""

from libs.common.serving import run
from services.registry.main import SERVICE

run(SERVICE)
