"""Native internals shown to the tests; built only with SFU_TESTING=ON."""
