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


@dataclass(frozen=True)
class RowCode:
    """Rows of ``2^log_cells`` cells and a tail, over a subgroup of ``2^log_domain`` points; an opening draws `queries` columns."""

    log_cells: int
    tail: int
    log_domain: int
    queries: int

    @staticmethod
    def once(log_cells: int, hidden: bool, bits: int) -> RowCode:
        """Rows that are opened once."""
        log_domain = log_cells + (3 if log_cells <= 10 else 2 if log_cells <= 12 else 1)
        return RowCode.over(log_cells, log_domain, int(hidden), bits)

    @staticmethod
    def long_lived(log_cells: int, openings: int, bits: int) -> RowCode:
        """Rows that stay hidden through this many openings: a rate of at most 6/5 of 1/16; of 1/8 without openings."""
        log_inv_rate = 4 if openings else 3
        log_domain = log_cells + log_inv_rate
        while True:
            code = RowCode.over(log_cells, log_domain, openings, bits)
            if 5 * code.coefficients <= 6 << (log_domain - log_inv_rate):
                return code
            log_domain += 1

    @staticmethod
    def over(log_cells: int, log_domain: int, openings: int, bits: int) -> RowCode:
        """The tail has a random coefficient for each column of each opening."""
        domain = 1 << log_domain
        tail = 0

        def needed() -> int:
            coefficients = (1 << log_cells) + tail
            return domain if coefficients >= domain else ceil(bits / bits_per_query(coefficients, log_domain))

        queries = needed()
        while True:
            tail = queries * openings
            more = needed()
            if more <= queries or tail >= domain:
                return RowCode(log_cells, tail, log_domain, queries)
            queries = more

    @property
    def coefficients(self) -> int:
        """Of a row."""
        return (1 << self.log_cells) + self.tail

    @property
    def query_bits(self) -> float:
        """Of all columns together."""
        return self.queries * bits_per_query(self.coefficients, self.log_domain)

    def num_rows(self, cells: int) -> int:
        """Rows that hold this many cells: at least one."""
        return max(-(-cells // (1 << self.log_cells)), 1)


def bits_per_query(coefficients: int, log_domain: int) -> float:
    """``-log2`` of the probability that a column misses a word outside half the distance."""
    return 1.0 - log2(1.0 + coefficients / 2.0**log_domain)
