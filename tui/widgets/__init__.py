"""What is painted: each shows what it was handed and says what was done to it."""
