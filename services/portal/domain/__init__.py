"""Accounts with their sessions, names and devices to sign in by, break-glass grants."""

from services.portal.domain.account_steps import ACCOUNT
from services.portal.domain.break_glass import BREAK_GLASS
from services.portal.domain.device import DEVICE
from services.portal.domain.grantee import GRANTEE
from services.portal.domain.sign_in_name import SIGN_IN_NAME

__all__ = ["ACCOUNT", "BREAK_GLASS", "DEVICE", "GRANTEE", "SIGN_IN_NAME"]
