"""Who may do what: tokens, and one policy for all services."""
