"""Rank-one forms on tensors: one public vector per axis, or per run of neighbouring axes (docs/protocol.md, "Notation").

A form applied to a tensor is ``sum_i v(i) T(i)`` over real entries; vectors have real extents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from .circuit import AxisFactor, Link, num_vars
from .errors import BadKey
from .field import Ext, P, eq, eq_table, is_power_of_two, log_padded, powers, product, total


@dataclass(frozen=True)
class Factor:
    """A vector: ``eq(point, i)``, explicit entries, or the powers of a number."""

    point: list[Ext] | None = None
    entries: list[Ext] | None = None
    base: int | None = None

    def vector(self, of: type[Ext], length: int) -> list[Ext]:
        """Its entries along an axis of this real extent."""
        if self.point is not None:
            return eq_table(of, self.point)[:length]
        if self.entries is not None:
            return self.entries
        return powers(of.of(self.base or 0), length)

    def evaluate(self, of: type[Ext], span: Sequence[int], point: Sequence[Ext]) -> Ext:
        """Its multilinear extension, over axes of these extents, padded with zeros."""
        length = prod(span)
        if self.point is not None and len(span) == 1 and is_power_of_two(length):
            return eq(of, self.point, point)
        if self.base is not None and len(span) == 1:
            return powers_at(of, self.base, length, point)
        weights = [of.of(1)]
        at = 0
        for extent in span:
            axis = eq_table(of, point[at : at + log_padded(extent)])[:extent]
            at += log_padded(extent)
            weights = [a * b for a in weights for b in axis]
        return total(of, (a * b for a, b in zip(self.vector(of, length), weights, strict=True)))


@dataclass(frozen=True)
class Form:
    """Factors in the order of the axes, each with the number of axes that it spans."""

    factors: list[tuple[int, Factor]]

    @staticmethod
    def at_point(shape: Sequence[int], point: Sequence[Ext]) -> Form:
        """The evaluation of a tensor's multilinear extension."""
        assert len(point) == num_vars(list(shape))
        factors, at = [], 0
        for extent in shape:
            bits = log_padded(extent)
            factors.append((1, Factor(point=list(point[at : at + bits]))))
            at += bits
        return Form(factors)

    def is_separable(self) -> bool:
        """Whether each factor spans one axis."""
        return all(axes == 1 for axes, _ in self.factors)

    def spans(self, shape: Sequence[int]) -> list[tuple[list[int], Factor]]:
        """The factors with the extents that they span."""
        result, at = [], 0
        for axes, factor in self.factors:
            result.append((list(shape[at : at + axes]), factor))
            at += axes
        assert at == len(shape)
        return result

    def evaluate(self, of: type[Ext], shape: Sequence[int], point: Sequence[Ext]) -> Ext:
        """The multilinear extension of the form, padded with zeros."""
        result, at = of.of(1), 0
        for span, factor in self.spans(shape):
            bits = num_vars(span)
            result = result * factor.evaluate(of, span, point[at : at + bits])
            at += bits
        return result

    def vector(self, of: type[Ext], shape: Sequence[int]) -> list[Ext]:
        """All entries, row-major."""
        return kronecker(of, [factor.vector(of, prod(span)) for span, factor in self.spans(shape)])

    def scaled(self, of: type[Ext], shape: Sequence[int], scale: Ext) -> Form:
        """The form times a number, which the shortest vector takes (the first one of those)."""
        if scale == 1:
            return self
        if not self.factors:
            return Form([(0, Factor(entries=[scale]))])
        lengths = [prod(span) for span, _ in self.spans(shape)]
        shortest = lengths.index(min(lengths))
        axes, factor = self.factors[shortest]
        entries = [entry * scale for entry in factor.vector(of, lengths[shortest])]
        factors = list(self.factors)
        factors[shortest] = (axes, Factor(entries=entries))
        return Form(factors)


def powers_at(of: type[Ext], base: int, length: int, point: Sequence[Ext]) -> Ext:
    """``sum_{i < length} base^i eq(i, point)``."""
    bits = len(point)
    # Bases of the coordinates, and sums over all indices of the coordinates from one on.
    bases = [pow(base, 1 << (bits - 1 - k), P) for k in range(bits)]
    whole = [of.of(1)]
    for k in reversed(range(bits)):
        whole.append(whole[-1] * (1 - point[k] + point[k] * bases[k]))
    whole.reverse()
    if length == 1 << bits:
        return whole[0]
    # Indices below the length agree with it up to a bit where it has a one and they have a zero.
    result, prefix = of.of(0), of.of(1)
    for k, y in enumerate(point):
        if length >> (bits - 1 - k) & 1:
            result = result + prefix * (1 - y) * whole[k + 1]
            prefix = prefix * y * bases[k]
        else:
            prefix = prefix * (1 - y)
    return result


def kronecker(of: type[Ext], vectors: Sequence[Sequence[Ext]]) -> list[Ext]:
    """The Kronecker product, first vector outermost."""
    result = [of.of(1)]
    for vector in vectors:
        result = [a * b for a in result for b in vector]
    return result


def transpose(of: type[Ext], form: Form, links: Sequence[Link], input_shape: Sequence[int], output_shape: Sequence[int]) -> Form:
    """The form on the operand with ``<form', x> = <form, map(x)>``; the form spans one axis per factor."""
    factors: list[Factor | None] = [None] * len(input_shape)
    scale = of.of(1)
    for link in links:
        if link.input is not None and link.output is None:
            factors[link.input] = Factor(entries=[of.of(1)] * input_shape[link.input])
        elif link.input is None and link.output is not None:
            _, factor = form.factors[link.output]
            scale = scale * total(of, factor.vector(of, output_shape[link.output]))
        elif link.input is not None and link.output is not None and link.map is not None:
            _, factor = form.factors[link.output]
            if link.map.kind != "Identity":
                extent = output_shape[link.output]
                vector = factor.vector(of, extent)
                entries = [of.of(0)] * input_shape[link.input]
                for j, i, m in link.map.entries(input_shape[link.input], extent):
                    entries[i] = entries[i] + vector[j] * m
                factor = Factor(entries=entries)
            factors[link.input] = factor
    if any(factor is None for factor in factors):
        raise BadKey("an axis of an operand stands in no link")
    return Form([(1, factor) for factor in factors]).scaled(of, input_shape, scale)  # type: ignore[misc]


def reshape(of: type[Ext], form: Form, output_shape: Sequence[int], input_shape: Sequence[int]) -> Form:
    """The form on the operand of a reshape: the same vector, its factors regrouped.

    Extents of 1 carry numbers and are set aside. Then the shortest runs of operand axes and of factors with equal numbers
    of entries are matched: one with one keeps the factor, points are cut and joined where every extent is a power of two,
    everything else becomes one vector over the run of axes.
    """
    scale = of.of(1)
    outputs: list[tuple[int, Factor]] = []
    for span, factor in form.spans(output_shape):
        if prod(span) == 1:
            scale = scale * factor.vector(of, 1)[0]
        else:
            outputs.append((prod(span), factor))
    factors: list[tuple[int, Factor]] = []
    axis = 0
    while axis < len(input_shape):
        if input_shape[axis] == 1:
            factors.append((1, Factor(entries=[of.of(1)])))
            axis += 1
            continue
        start, input_len, output_len = axis, 1, 1
        group: list[tuple[int, Factor]] = []
        while input_len != output_len or input_len == 1:
            if input_len <= output_len and axis < len(input_shape):
                input_len *= input_shape[axis]
                axis += 1
            else:
                group.append(outputs.pop(0))
                output_len *= group[-1][0]
        axes = input_shape[start:axis]
        if len(axes) == 1 and len(group) == 1:
            factors.append((1, group[0][1]))
        elif all(is_power_of_two(n) for n in axes) and all(
            factor.point is not None and is_power_of_two(n) for n, factor in group
        ):
            point = [x for _, factor in group for x in factor.point or []]
            factors += Form.at_point(axes, point).factors
        else:
            vector = kronecker(of, [factor.vector(of, n) for n, factor in group])
            factors.append((len(axes), Factor(entries=vector)))
    return Form(factors).scaled(of, input_shape, scale)


def constant_value(of: type[Ext], form: Form, constant: Sequence[tuple[int, list[AxisFactor]]], shape: Sequence[int]) -> Ext:
    """``<form, k>`` for a constant: a sum of rank-one tensors."""
    result = of.of(0)
    for value, axes in constant:
        at, inner = 0, []
        for span, factor in form.spans(shape):
            own = [1]
            for extent, axis in zip(span, axes[at : at + len(span)], strict=True):
                own = [a * b for a in own for b in axis.vector(extent)]
            at += len(span)
            vector = factor.vector(of, prod(span))
            inner.append(total(of, (w * k for w, k in zip(vector, own, strict=True))))
        result = result + product(of, inner) * value
    return result
