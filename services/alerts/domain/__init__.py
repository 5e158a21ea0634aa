"""Alerts, and the rules that raise them."""

from services.alerts.domain.alert import ALERT

__all__ = ["ALERT"]
