"""`python -m services.scoring`."""

from libs.common.serving import run
from services.scoring.main import SERVICE

run(SERVICE)
