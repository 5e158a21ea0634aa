"""What the city is made of, as every service but the registry knows it: copies of its facts."""

from pathlib import Path

from libs.city.copies import COPIES
from libs.city.tree import Area, City, Holder, Organisation, Post

MIGRATIONS = Path(__file__).parent / "migrations"

__all__ = ["COPIES", "MIGRATIONS", "Area", "City", "Holder", "Organisation", "Post"]
