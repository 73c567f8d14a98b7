"""Goldilocks and its extensions, with big integers.

``F`` is the field of ``p = 2^64 - 2^32 + 1`` elements: its elements are Python integers in ``[0, p)``. Challenges live in
``E2 = F[X] / (X^2 - 7)`` or ``E3 = F[X] / (X^3 - X - 1)``: their elements are tuples of coefficients, lowest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

P = 2**64 - 2**32 + 1
TWO_ADICITY = 32
# A root of unity of order 2^32; its powers of two generate all smaller subgroups.
ROOT_OF_UNITY = 1753635133440165772


def root_of_unity(log_order: int) -> int:
    """The generator of the subgroup of order ``2^log_order``."""
    return pow(ROOT_OF_UNITY, 1 << (TWO_ADICITY - log_order), P)


class Ext:
    """An element of an extension field. Integers stand for elements of the base field."""

    __slots__ = ("c",)
    degree: ClassVar[int]
    # log2 of the order, rounded up, and what a security statement may claim.
    order_bits: ClassVar[int]
    claimed_bits: ClassVar[float]
    # The bytes by which the commitment library names the basis.
    basis_id: ClassVar[bytes]

    def __init__(self, coefficients: Iterable[int]) -> None:
        self.c = tuple(coefficients)

    @classmethod
    def of(cls, value: int) -> Ext:
        """The element that an integer stands for."""
        return cls((value % P,) + (0,) * (cls.degree - 1))

    @classmethod
    def basis(cls, index: int) -> Ext:
        """``X^index``."""
        return cls(int(d == index) for d in range(cls.degree))

    def __add__(self, other: Ext | int) -> Ext:
        if isinstance(other, int):
            return type(self)(((self.c[0] + other) % P, *self.c[1:]))
        return type(self)([(a + b) % P for a, b in zip(self.c, other.c, strict=True)])

    def __sub__(self, other: Ext | int) -> Ext:
        if isinstance(other, int):
            return type(self)(((self.c[0] - other) % P, *self.c[1:]))
        return type(self)([(a - b) % P for a, b in zip(self.c, other.c, strict=True)])

    def __mul__(self, other: Ext | int) -> Ext:
        if isinstance(other, int):
            return type(self)([a * other % P for a in self.c])
        return self._times(other)

    def __radd__(self, other: int) -> Ext:
        return self + other

    def __rsub__(self, other: int) -> Ext:
        return -self + other

    def __rmul__(self, other: int) -> Ext:
        return self * other

    def __neg__(self) -> Ext:
        return type(self)([-a % P for a in self.c])

    def __pow__(self, exponent: int) -> Ext:
        result, square = type(self).of(1), self
        while exponent:
            if exponent & 1:
                result = result * square
            square = square * square
            exponent >>= 1
        return result

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self == type(self).of(other)
        return type(other) is type(self) and self.c == other.c

    def __hash__(self) -> int:
        return hash(self.c)

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.c}"

    def is_zero(self) -> bool:
        """Whether this is zero."""
        return not any(self.c)

    def inverse(self) -> Ext:
        """``1 / self``; ``ZeroDivisionError`` for zero."""
        if self.is_zero():
            raise ZeroDivisionError("zero has no inverse")
        return self._inverse()

    def _times(self, other: Ext) -> Ext:
        raise NotImplementedError

    def _inverse(self) -> Ext:
        exponent: int = P**self.degree - 2
        return self**exponent


class E2(Ext):
    """``F[X] / (X^2 - 7)``."""

    __slots__ = ()
    degree = 2
    order_bits = 128
    claimed_bits = 127.999
    basis_id = b"p3-power-basis-v1:X^2-7"

    def _times(self, other: Ext) -> Ext:
        a0, a1 = self.c
        b0, b1 = other.c
        return E2(((a0 * b0 + 7 * a1 * b1) % P, (a0 * b1 + a1 * b0) % P))

    def _inverse(self) -> Ext:
        a0, a1 = self.c
        norm = pow(a0 * a0 - 7 * a1 * a1, -1, P)
        return E2((a0 * norm % P, -a1 * norm % P))


class E3(Ext):
    """``F[X] / (X^3 - X - 1)``."""

    __slots__ = ()
    degree = 3
    order_bits = 192
    claimed_bits = 191.999
    basis_id = b"p3-power-basis-v1:X^3-X-1"

    def _times(self, other: Ext) -> Ext:
        a0, a1, a2 = self.c
        b0, b1, b2 = other.c
        # X^3 = X + 1 and X^4 = X^2 + X.
        x3 = a1 * b2 + a2 * b1
        x4 = a2 * b2
        return E3(((a0 * b0 + x3) % P, (a0 * b1 + a1 * b0 + x3 + x4) % P, (a0 * b2 + a1 * b1 + a2 * b0 + x4) % P))


def total(field: type[Ext], terms: Iterable[Ext]) -> Ext:
    """The sum of elements."""
    columns = list(zip(*(term.c for term in terms), strict=True)) or [(0,)] * field.degree
    return field(sum(column) % P for column in columns)


def product(field: type[Ext], factors: Iterable[Ext | int]) -> Ext:
    """The product of elements."""
    result = field.of(1)
    for factor in factors:
        result = result * factor
    return result


def powers(base: Ext, count: int) -> list[Ext]:
    """``1, base, .., base^(count - 1)``."""
    result = [type(base).of(1)] if count else []
    while len(result) < count:
        result.append(result[-1] * base)
    return result


def eq_table(field: type[Ext], point: Sequence[Ext]) -> list[Ext]:
    """``eq(point, i)`` for all ``i``; the first coordinate is the most significant bit."""
    table = [field.of(1)]
    for r in point:
        table = [entry for value in table for high in (value * r,) for entry in (value - high, high)]
    return table


def eq(field: type[Ext], x: Sequence[Ext], y: Sequence[Ext]) -> Ext:
    """``prod_i (x_i y_i + (1 - x_i)(1 - y_i))``."""
    return product(field, (a * b * 2 - a - b + 1 for a, b in zip(x, y, strict=True)))


def eq_index(field: type[Ext], index: int, point: Sequence[Ext]) -> Ext:
    """``eq`` of a vertex of the cube and a point."""
    bits = len(point)
    return product(field, (x if index >> (bits - 1 - k) & 1 else 1 - x for k, x in enumerate(point)))


def indicator(field: type[Ext], length: int, point: Sequence[Ext]) -> Ext:
    """``sum_{i < length} eq(i, point)``."""
    bits = len(point)
    if length >= 1 << bits:
        return field.of(1)
    result = field.of(0)
    prefix = field.of(1)
    # Indices below `length` agree with it up to a bit where it has a one and they have a zero.
    for k, x in enumerate(point):
        if length >> (bits - 1 - k) & 1:
            result = result + prefix * (1 - x)
            prefix = prefix * x
        else:
            prefix = prefix * (1 - x)
    return result


def log_padded(length: int) -> int:
    """``ceil(log2(length))``."""
    return (length - 1).bit_length() if length > 1 else 0


def dot(field: type[Ext], integers: Sequence[int], weights: Sequence[Ext]) -> Ext:
    """``sum_i integers[i] weights[i]``, reduced once."""
    return field(
        sum(a * w.c[d] for a, w in zip(integers, weights, strict=True)) % P for d in range(field.degree)
    )


def is_power_of_two(length: int) -> bool:
    """Whether a positive integer is a power of two."""
    return length > 0 and length & (length - 1) == 0
