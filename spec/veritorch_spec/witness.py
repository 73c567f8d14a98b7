"""The witness: a stack of tensors under one root, opened once (docs/protocol.md, sections 1 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from . import sumcheck, whir
from .circuit import num_vars
from .field import Ext, eq_index, log_padded, powers, total
from .forms import Form
from .transcript import Transcript, Value, combination

MIN_VARIABLES = 10


@dataclass(frozen=True)
class Claim:
    """``<form, T> = value`` on a tensor of the stack."""

    tensor: int
    form: Form
    value: Value


@dataclass(frozen=True)
class Stack:
    """Where each tensor lies: padded to a cube, by falling size, equal sizes in order."""

    shapes: list[list[int]]
    offsets: list[int]
    variables: int

    @staticmethod
    def of(shapes: Sequence[Sequence[int]]) -> Stack:
        """The stack of tensors of these shapes."""
        sizes = [num_vars(list(shape)) for shape in shapes]
        offsets, end = [0] * len(sizes), 0
        for tensor in sorted(range(len(sizes)), key=lambda t: -sizes[t]):
            offsets[tensor] = end
            end += 1 << sizes[tensor]
        return Stack([list(shape) for shape in shapes], offsets, max(log_padded(max(end, 1)), MIN_VARIABLES))

    def evaluate(self, of: type[Ext], claims: Sequence[Claim], weights: Sequence[Ext], point: list[Ext]) -> Ext:
        """``sum_j weights_j form_j`` as a polynomial over the stack, at a point."""

        def one(claim: Claim) -> Ext:
            shape = self.shapes[claim.tensor]
            size = num_vars(shape)
            cut = len(point) - size
            block = eq_index(of, self.offsets[claim.tensor] >> size, point[:cut])
            return block * claim.form.evaluate(of, shape, point[cut:])

        return total(of, (one(claim) * weight for claim, weight in zip(claims, weights, strict=True)))


def verify(transcript: Transcript, stack: Stack, level: whir.Level, root: bytes, claims: Sequence[Claim]) -> None:
    """Checks claims on the tensors under a root."""
    merge = transcript.challenge("witness merge")
    weights = powers(merge, len(claims))
    claim = combination(transcript, (c.value for c in claims), weights)
    reduced = sumcheck.verify(transcript, "witness sumcheck", [(stack.variables, 2)], [claim])
    (value,) = transcript.receive_clear("witness value", 1)
    weight = stack.evaluate(transcript.field, claims, weights, reduced.point)
    transcript.check_zero("witness sumcheck", reduced.left - transcript.public(weight * value))
    whir.verify(transcript, "witness opening", level, root, reduced.point, value)


def security_terms(of: type[Ext], stack: Stack, level: whir.Level, num_claims: int) -> list[tuple[str, float]]:
    """``-log2`` of each term of an opening of this many claims."""
    parameters = whir.Parameters.of(of, stack.variables, level)
    terms = [
        (f"witness: sumcheck over {stack.variables} variables", of.claimed_bits - log2(2 * stack.variables)),
    ]
    if num_claims > 1:
        terms.append((f"witness: merging of {num_claims} claims", of.claimed_bits - log2(num_claims - 1)))
    return terms + whir.security_terms(of, parameters)
