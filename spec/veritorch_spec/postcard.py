"""The encoding of structures in files and embedded proofs (docs/format.md, "Structures").

Every value has one encoding that is accepted: integers are as short as they can be.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from .field import Ext, P

T = TypeVar("T")


class Malformed(Exception):
    """Bytes that are not the encoding of anything."""


class Reader:
    """Reads values off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes as they are."""
        if count > len(self.data) - self.at:
            raise Malformed(f"{count} bytes needed, {len(self.data) - self.at} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def end(self) -> None:
        """Checks that nothing is left."""
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes too many")

    def unsigned(self, bits: int = 64) -> int:
        """Seven bits to a byte, lowest first; the high bit says that there is more."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= bits:
                raise Malformed("an integer is too long")
        if value >> bits or (byte == 0 and shift > 7):
            raise Malformed("an integer is too large, or longer than it has to be")
        return value

    def signed(self, bits: int = 64) -> int:
        """``0, -1, 1, -2, ..`` as ``0, 1, 2, 3, ..``."""
        value = self.unsigned(bits)
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1

    def double(self) -> float:
        """IEEE 754, eight bytes."""
        return float(struct.unpack("<d", self.take(8))[0])

    def text(self) -> str:
        """UTF-8 with its number of bytes before it."""
        try:
            return self.take(self.unsigned()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("text is not UTF-8") from error

    def raw(self) -> bytes:
        """Bytes with their number before them."""
        return self.take(self.unsigned())

    def variant(self, count: int) -> int:
        """Which of a number of kinds follows."""
        value = self.unsigned(32)
        if value >= count:
            raise Malformed(f"kind {value} of {count}")
        return value

    def sequence(self, read: Callable[[], T]) -> list[T]:
        """Values with their number before them."""
        count = self.unsigned()
        if count > len(self.data) - self.at:
            # A value that takes no bytes does not exist, so this cannot be.
            raise Malformed(f"{count} values in {len(self.data) - self.at} bytes")
        return [read() for _ in range(count)]

    def option(self, read: Callable[[], T]) -> T | None:
        """A value, or none."""
        return read() if self.variant(2) else None

    def base(self) -> int:
        """An element of the base field: eight bytes, canonical."""
        value = int.from_bytes(self.take(8), "little")
        if value >= P:
            raise Malformed("a field element is not canonical")
        return value

    def element(self, field: type[Ext]) -> Ext:
        """An element of the extension field: its coefficients."""
        return field(self.base() for _ in range(field.degree))
