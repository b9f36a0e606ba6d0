"""The Python client of a conference."""
