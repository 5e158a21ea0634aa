"""A made-up city after a plan, the same for the same seed: areas that tile, offices, posts, people.

No size and no name of a city is in code: they are the plan's (row Q12). Persons are random
references and nothing else (row H10).
"""

from services.registry.reference.generator import ZHUCHENG, batches, commander, generate, holder
from services.registry.reference.plan import Plan, read_plan

__all__ = ["ZHUCHENG", "Plan", "batches", "commander", "generate", "holder", "read_plan"]
