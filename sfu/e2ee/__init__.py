"""What clients agree on end to end; PROTOCOL.md fixes the bytes."""
