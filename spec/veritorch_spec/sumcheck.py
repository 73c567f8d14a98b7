"""The batched sumcheck (docs/protocol.md, section 4, "waves")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .field import Ext, powers
from .transcript import Transcript, Value, combination


@dataclass(frozen=True)
class Reduced:
    """Where a batch ended: ``sum_j weights[j] g_j(tail of point) = left``."""

    point: list[Ext]
    weights: list[Ext]
    left: Value

    def tail(self, count: int) -> list[Ext]:
        """The point of an instance with this many variables."""
        return self.point[len(self.point) - count :]


def lagrange(of: type[Ext], count: int, x: Ext) -> list[Ext]:
    """The Lagrange basis on ``0, 1, .., count - 1``, at `x`."""
    basis = []
    for i in range(count):
        numerator, denominator = of.of(1), 1
        for j in range(count):
            if j != i:
                numerator = numerator * (x - j)
                denominator *= i - j
        basis.append(numerator * of.of(denominator).inverse())
    return basis


def verify(transcript: Transcript, label: str, shapes: Sequence[tuple[int, int]], claims: Sequence[Value]) -> Reduced:
    """Checks all rounds. An instance has a number of variables and a degree."""
    of = transcript.field
    batching = transcript.challenge(label) if len(shapes) > 1 else of.of(1)
    scale = powers(batching, len(shapes))
    rounds = max((variables for variables, _ in shapes), default=0)
    degree = max((degree for _, degree in shapes), default=0)
    half = of.of(2).inverse()
    weights = [s * half ** (rounds - variables) for s, (variables, _) in zip(scale, shapes, strict=True)]
    left = combination(transcript, claims, scale)
    point = []
    for _ in range(rounds):
        # All values of the round's polynomial but the one at 1.
        at_zero, *others = transcript.receive(label, degree)
        r = transcript.challenge(label)
        values = [at_zero, left - at_zero, *others]
        left = combination(transcript, values, lagrange(of, degree + 1, r))
        point.append(r)
    return Reduced(point, weights, left)
