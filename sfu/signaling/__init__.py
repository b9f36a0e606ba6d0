"""How clients talk to the server about a room. The protocol is in PROTOCOL.md beside this file."""
