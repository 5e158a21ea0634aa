"""What a user would write instead, from the documentation of each library.

Each runs as `python -m bench.peers.<name> BOOTSTRAP DATABASE_URL SOURCE TARGET GROUP`, on the
tables of `tables.sql`. None has metrics, traces, dead letters, or an order that survives two
processes.
"""
