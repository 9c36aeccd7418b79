"""What sets a value apart from the one before it."""
