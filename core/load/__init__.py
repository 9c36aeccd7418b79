"""Definitions: found, read, checked and put together."""
