"""How offices and areas did their work, by published rules; residents are never assessed."""
