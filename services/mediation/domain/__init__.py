"""Mediation cases and their month."""

from services.mediation.domain.case import CASE

__all__ = ["CASE"]
