"""When something is to run by itself: what a schedule says, its slots, and which of them are due. Pure."""
