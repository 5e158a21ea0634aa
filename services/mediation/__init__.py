"""Disputes, from application to the end: one case, one centre, one month."""
