"""Leads: captured in a cell, routed to the one unit that must answer, followed until closed."""
