"""The screen and the command line. They stand on the core."""
