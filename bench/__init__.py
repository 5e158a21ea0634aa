"""How fast it is, measured on this machine."""
