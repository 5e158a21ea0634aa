"""What the city is made of, as every service but the registry knows it: copies of its facts."""

from pathlib import Path

from libs.city.copies import COPIES
from libs.city.tree import Area, City, Holder, Organisation, Post

FIRST = ("civicgrid.registry", "civicgrid.portal")
"""Topics that tell of the city and of who may do what in it."""
MIGRATIONS = Path(__file__).parent / "migrations"

__all__ = ["COPIES", "FIRST", "MIGRATIONS", "Area", "City", "Holder", "Organisation", "Post"]
