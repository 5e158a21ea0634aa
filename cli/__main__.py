"""`python -m cli`: the `civicgrid` command where it is not installed."""

from cli.main import main

main()
