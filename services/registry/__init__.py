"""What the city is made of at any moment: areas, organisations, posts, holders, calendars."""
