"""One room a service; they never import each other."""
