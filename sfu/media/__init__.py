"""The media plane seen from Python: workers, transports, DTLS and candidates."""
