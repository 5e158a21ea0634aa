"""Data that comes with the service."""

from pathlib import Path

from libs.common.files import read_yaml
from services.alerts.domain.rule import RuleSet

FILE = Path(__file__).parent / "alerts.yaml"

RULES: RuleSet = RuleSet.model_validate(read_yaml(FILE))
