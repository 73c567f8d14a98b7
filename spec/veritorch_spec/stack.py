"""Stacks of tensors, and the code of their rows (docs/protocol.md, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2

from .circuit import num_vars
from .field import Ext, eq_index, log_padded
from .forms import Form

MIN_VARIABLES = 10
# A form on a tensor of the stack, with a weight.
Weighted = tuple[int, Ext, Form]


@dataclass(frozen=True)
class Stack:
    """Where each tensor lies: padded to a cube, by falling size, equal sizes in order."""

    shapes: list[list[int]]
    offsets: list[int]
    cells: int

    @staticmethod
    def of(shapes: Sequence[Sequence[int]]) -> Stack:
        """The stack of tensors of these shapes."""
        sizes = [num_vars(list(shape)) for shape in shapes]
        offsets, end = [0] * len(sizes), 0
        for tensor in sorted(range(len(sizes)), key=lambda t: -sizes[t]):
            offsets[tensor] = end
            end += 1 << sizes[tensor]
        return Stack([list(shape) for shape in shapes], offsets, end)

    @property
    def variables(self) -> int:
        """Of the stack as one polynomial."""
        return max(log_padded(max(self.cells, 1)), MIN_VARIABLES)

    def rows(self, of: type[Ext], forms: Sequence[Weighted], count: int, point: list[Ext]) -> list[Ext]:
        """``K(row, point)`` for the weighted sum `K` of forms and each row of ``2^len(point)`` cells."""
        result = [of.of(0)] * count
        for tensor, weight, form in forms:
            shape, offset = self.shapes[tensor], self.offsets[tensor]
            size = num_vars(shape)
            first = offset >> len(point)
            if size >= len(point):
                # The tensor takes whole rows; their numbers are the first coordinates.
                bits = size - len(point)
                for index in range(1 << bits):
                    head = [of.of(index >> (bits - 1 - k) & 1) for k in range(bits)]
                    result[first + index] = result[first + index] + weight * form.evaluate(of, shape, head + point)
            else:
                cut = len(point) - size
                block = eq_index(of, (offset >> size) & ((1 << cut) - 1), point[:cut])
                result[first] = result[first] + weight * block * form.evaluate(of, shape, point[cut:])
        return result


def bits_per_query(coefficients: int, log_domain: int) -> float:
    """``-log2`` of the probability that a column misses a word outside half the distance."""
    return 1.0 - log2(1.0 + coefficients / 2.0**log_domain)


def num_queries(bits: int, coefficients: int, log_domain: int) -> int:
    """Columns to draw."""
    return ceil(bits / bits_per_query(coefficients, log_domain))


@dataclass(frozen=True)
class RowCode:
    """Rows of ``2^log_cells`` cells with a tail, over a subgroup of ``2^log_domain`` points."""

    log_cells: int
    tail: int
    log_domain: int
    queries: int

    @staticmethod
    def of(log_cells: int, hidden: bool, bits: int) -> RowCode:
        """Hidden rows have a random coefficient for each column that is opened."""
        log_domain = log_cells + (3 if log_cells <= 10 else 2 if log_cells <= 12 else 1)
        tail = 0
        queries = num_queries(bits, 1 << log_cells, log_domain)
        while hidden and tail < queries:
            tail = queries
            queries = num_queries(bits, (1 << log_cells) + tail, log_domain)
        return RowCode(log_cells, tail, log_domain, queries)

    @property
    def query_bits(self) -> float:
        """Of all columns together."""
        return self.queries * bits_per_query((1 << self.log_cells) + self.tail, self.log_domain)

    def num_rows(self, cells: int) -> int:
        """Rows that hold this many cells: at least one."""
        return max(-(-cells // (1 << self.log_cells)), 1)
