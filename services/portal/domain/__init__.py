"""Accounts with their sessions, and the names by which people sign in."""

from services.portal.domain.account import ACCOUNT
from services.portal.domain.sign_in_name import SIGN_IN_NAME

__all__ = ["ACCOUNT", "SIGN_IN_NAME"]
