"""All looked-up tuples are rows of their tables: LogUp by a tree of fractions (docs/protocol.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from .circuit import Circuit, Table, num_vars
from .errors import BadKey, Refused
from .field import Ext, dot, eq_index, eq_table, indicator, is_power_of_two, log_padded, product
from .forms import Form
from .transcript import Transcript, Value

MAX_ENTRIES = 1 << 40
MAX_LOG_ROWS = 28
MAX_LEAST = 1 << 48


@dataclass(frozen=True)
class Block:
    """Leaves of one lookup or of one table: an aligned run of ``2^log_len``."""

    lookup: int | None
    table: int
    start: int
    log_len: int


@dataclass(frozen=True)
class Lookups:
    """The statement of the argument."""

    # Table, columns and shape of each lookup.
    lookups: list[tuple[int, list[int], list[int]]]
    tables: list[Table]
    blocks: list[Block]
    live: int
    variables: int

    @staticmethod
    def of(circuit: Circuit) -> Lookups:
        """Of an instantiated circuit."""
        lookups = []
        for constraint in circuit.constraints:
            if constraint.table is not None:
                lookups.append((constraint.table, constraint.columns, circuit.shape(constraint.columns[0])))
        for own in circuit.tables:
            if not is_power_of_two(own.rows) or own.rows > 1 << MAX_LOG_ROWS or abs(own.least) > MAX_LEAST:
                raise BadKey("a table is too long, or not a power of two")
        sizes = [(position, table, num_vars(shape)) for position, (table, _, shape) in enumerate(lookups)]
        if sum(1 << log for _, _, log in sizes) > MAX_ENTRIES:
            raise BadKey("too many lookups")
        contents: list[tuple[int, int | None, int]] = [(log, position, table) for position, table, log in sizes]
        used = sorted({table for table, _, _ in lookups})
        contents += [(log_padded(circuit.tables[table].rows), None, table) for table in used]
        blocks, live = [], 0
        # By falling size; equal ones stay in order, lookups before tables.
        for log, position, table in sorted(contents, key=lambda content: -content[0]):
            blocks.append(Block(position, table, live, log))
            live += 1 << log
        return Lookups(lookups, circuit.tables, blocks, live, log_padded(live))

    def used_tables(self) -> list[int]:
        """Tables with a multiplicity vector."""
        return sorted({table for table, _, _ in self.lookups})

    def tensor_tables(self) -> list[tuple[int, int]]:
        """Tables in use whose values are the entries of a tensor, with the tensor."""
        tensors = [(table, self.tables[table].tensor) for table in self.used_tables()]
        return [(table, tensor) for table, tensor in tensors if tensor is not None]


@dataclass(frozen=True)
class Claim:
    """``<form, T> = value`` on a column of a lookup, or on a table's multiplicities."""

    tensor: int
    form: Form
    value: Value


def table_at(of: type[Ext], table: Table, point: list[Ext]) -> tuple[Ext, Ext]:
    """The extensions of a table's keys and of its values."""
    keys = of.of(0)
    for x in point:
        keys = keys * 2 + x
    if table.values is None:
        return keys + table.least, of.of(0)
    middle = len(point) // 2
    high, low = eq_table(of, point[:middle]), eq_table(of, point[middle:])
    values = of.of(0)
    for row, weight in enumerate(high):
        values = values + weight * dot(of, table.values[row * len(low) : (row + 1) * len(low)], low)
    return keys + table.least, values


def tree(transcript: Transcript, variables: int) -> tuple[list[Ext], Value, Value]:
    """The tree of fractions from its root to a point of the leaves, with numerators and denominators there."""
    den, inverse = transcript.receive("lookup root", 2)
    transcript.check_zero("lookup root", transcript.product(den, inverse) - transcript.public(1))

    def at(h0: Value, h1: Value, slope: Value, c: Ext) -> Value:
        """``h(c)`` for ``h`` of degree 2 with this leading coefficient."""
        return h0 + (h1 - h0 - slope) * c + slope * (c * c)

    point: list[Ext] = []
    ends: list[Value] = []
    for _ in range(variables):
        combine = transcript.challenge("lookup combine")
        drawn: list[Ext] = []
        if ends:
            n0, n1, d0, d1 = ends
            (slope,) = transcript.receive("lookup round", 1)
            c = transcript.challenge("lookup round")
            left = at(n0 + d0 * combine, n1 + d1 * combine, slope, c)
            drawn.append(c)
        else:
            # The numerator of the root is zero.
            left = den * combine
        for r in reversed(point):
            h0, slope = transcript.receive("lookup round", 2)
            c = transcript.challenge("lookup round")
            if r.is_zero():
                raise Refused("a challenge is zero")
            h1 = (left - h0 * (1 - r)) * r.inverse()
            left = at(h0, h1, slope, c)
            drawn.append(c)
        point = drawn[::-1]
        ends = transcript.receive("lookup halves", 4)
        n0, n1, d0, d1 = ends
        parent = transcript.product(n0, d1) + transcript.product(n1, d0) + transcript.product(d0, d1) * combine
        transcript.check_zero("lookup halves", parent - left)
    merge = transcript.challenge("lookup merge")
    if not ends:
        raise BadKey("a lookup without leaves")
    n0, n1, d0, d1 = ends
    return [*point, merge], n0 + (n1 - n0) * merge, d0 + (d1 - d0) * merge


def verify(circuit: Circuit, lookups: Lookups, transcript: Transcript) -> tuple[list[Claim], list[Claim], list[Claim]]:
    """Checks the argument; what is left are claims on columns, on tensors that are looked up in, and on multiplicities."""
    if not lookups.lookups:
        return [], [], []
    of = transcript.field
    alpha, beta, gamma = transcript.challenges("lookup challenges", 3)
    point, num, den = tree(transcript, lookups.variables)

    def form(shape: list[int]) -> Form:
        return Form.at_point(shape, point[len(point) - num_vars(shape) :])

    tensors = [(column, shape) for _, columns, shape in lookups.lookups for column in columns]
    values = transcript.receive("lookup columns", len(tensors))
    columns = [Claim(tensor, form(shape), value) for (tensor, shape), value in zip(tensors, values, strict=True)]
    used = lookups.used_tables()
    values = transcript.receive("lookup multiplicities", len(used))
    counts = [
        Claim(table, form([lookups.tables[table].rows]), value) for table, value in zip(used, values, strict=True)
    ]

    looked_in = lookups.tensor_tables()
    values = transcript.receive("lookup entries", len(looked_in)) if looked_in else []
    entries_of = {
        table: Claim(tensor, form(circuit.shape(tensor)), value)
        for (table, tensor), value in zip(looked_in, values, strict=True)
    }

    own_num, own_den = transcript.public(0), transcript.public(0)
    filler = of.of(1)
    first = [0]
    for _, own, _ in lookups.lookups:
        first.append(first[-1] + len(own))
    for block in lookups.blocks:
        high, low = point[: len(point) - block.log_len], point[len(point) - block.log_len :]
        weight = eq_index(of, block.start >> block.log_len, high)
        filler = filler - weight
        base = alpha + gamma * block.table
        if block.lookup is not None:
            shape = lookups.lookups[block.lookup][2]
            factors, at = [], 0
            for extent in shape:
                bits = log_padded(extent)
                factors.append(indicator(of, extent, low[at : at + bits]))
                at += bits
            real = product(of, factors)
            entries = columns[first[block.lookup] : first[block.lookup + 1]]
            leaf = transcript.public(base * real + 1 - real)
            for claim, power in zip(entries, (of.of(1), beta), strict=False):
                leaf = leaf + claim.value * power
            own_num = own_num + transcript.public(real * weight)
            own_den = own_den + leaf * weight
        else:
            keys, entry = table_at(of, lookups.tables[block.table], low)
            count = counts[used.index(block.table)].value
            own_num = own_num - count * weight
            row = transcript.public(base + keys + beta * entry)
            if block.table in entries_of:
                row = row + entries_of[block.table].value * beta
            own_den = own_den + row * weight
    transcript.check_zero("lookup numerators", own_num - num)
    transcript.check_zero("lookup denominators", own_den + transcript.public(filler) - den)
    return columns, list(entries_of.values()), counts
