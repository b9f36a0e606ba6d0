"""A selective forwarding unit for end-to-end encrypted conferences."""
