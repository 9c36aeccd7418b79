"""The terminal itself: its driver, what gives it back, what else it can do."""
