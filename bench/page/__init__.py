"""What the page costs whoever opens it, against its budget: `make bench-page`."""
