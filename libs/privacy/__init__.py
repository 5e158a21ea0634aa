"""What is held of persons, why and how long; and how it goes again."""
