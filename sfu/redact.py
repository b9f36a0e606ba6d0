"""Values that do not print themselves: secrets never, addresses and rooms under a pseudonym."""

import hashlib
import secrets
from typing import ClassVar


class Secret:
    """Text that appears in no log and no traceback; `reveal` is what a reviewer looks for."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return secrets.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "(secret)" if self._text else "(none)"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not serialised")


class SecretBytes:
    """A key or what keys come from: prints as little as `Secret`, and compares in constant time."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        return self._data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretBytes):
            return NotImplemented
        return secrets.compare_digest(self._data, other._data)

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return "(secret)"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not serialised")


class Pseudonym:
    """Something of a person's that prints as a keyed hash: equal values can be followed through a log, not named.

    The key is drawn at start, so names of two runs cannot be joined; `use_key` sets one that several processes share.
    """

    __slots__ = ("_text",)

    prefix: ClassVar[str] = "pseudonym"
    _key: ClassVar[bytes] = secrets.token_bytes(32)

    def __init__(self, text: str) -> None:
        self._text = text

    @staticmethod
    def use_key(key: Secret) -> None:
        Pseudonym._key = hashlib.sha256(key.reveal().encode()).digest()

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.reveal() == self._text

    def __hash__(self) -> int:
        return hash((self.prefix, self._text))

    def __repr__(self) -> str:
        # Whether someone is in a room must not follow from their address having the same name elsewhere: each kind
        # of value has names of its own.
        digest = hashlib.blake2b(
            self._text.encode(), digest_size=4, key=self._key, person=self.prefix.encode()
        )
        return f"{self.prefix}-{digest.hexdigest()}"

    __str__ = __repr__


class Address(Pseudonym):
    """A participant's network address."""

    __slots__ = ()
    prefix = "address"


class Room(Pseudonym):
    """A room's id."""

    __slots__ = ()
    prefix = "room"
