"""Schemes, their formula, and the figures that are published."""

from services.scoring.domain.score import SCORE

__all__ = ["SCORE"]
