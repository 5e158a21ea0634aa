"""The `civicgrid` command."""
