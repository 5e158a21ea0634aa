"""A city under load while everything it stands on fails, by a seeded schedule."""
