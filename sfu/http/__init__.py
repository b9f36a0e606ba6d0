"""HTTP: the web client's files, health, metrics, and the headers of every answer. Signalling adds its own route."""
