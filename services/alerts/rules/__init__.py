"""Data that comes with the service."""

from pathlib import Path

import yaml

from services.alerts.domain.rule import RuleSet

FILE = Path(__file__).parent / "alerts.yaml"

RULES: RuleSet = RuleSet.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
