"""Accounts, and who is signed in: the door of the city."""
