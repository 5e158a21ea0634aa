"""Facts turned into attention: alerts, the persons told, and what happens when nobody answers."""
