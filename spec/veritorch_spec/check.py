"""What a circuit must be (docs/format.md, "Circuits"; docs/protocol.md, section 8): a key may come from a stranger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod

from .circuit import AxisFactor, AxisMap, Circuit, Link, Op, Table, Term
from .errors import BadKey
from .field import P, is_power_of_two
from .noise import LOG_OCTAVES

MAX_ITEMS = 1 << 20
MAX_RANK = 12
MAX_ENTRIES = 1 << 32
MAX_LOG_TABLE = 20
MAX_STEP = 1 << 28
MAX_START = 1 << 40
MAX_TERMS = 4096
MAX_NAME = 4096
MAX_VALUE = 1 << 62
MAX_LOG_NUMERATOR = 48


def require(holds: bool, reason: str) -> None:
    """A rule."""
    if not holds:
        raise BadKey(reason)


def small(value: int) -> bool:
    """Far below the field's order."""
    return -MAX_VALUE < value < MAX_VALUE


def check(circuit: Circuit) -> None:
    """Every rule, for a circuit without batch axis."""
    require(circuit.batch == 0, "the circuit has a batch axis already")
    for items in (
        circuit.tensors,
        circuit.tables,
        circuit.params,
        circuit.constraints,
        circuit.inputs,
        circuit.outputs,
    ):
        require(len(items) <= MAX_ITEMS, "too many items")
    require(bool(circuit.outputs), "there are no outputs")
    for table in circuit.tables:
        check_table(circuit, table)
    for param in circuit.params:
        check_extents(param.shape)
        require(1 <= param.num_planes <= 4, f"weight `{param.name}`: number of byte planes")
    for index in range(len(circuit.tensors)):
        check_tensor(circuit, index)
    require(len({tensor.name for tensor in circuit.tensors}) == len(circuit.tensors), "two tensors have one name")
    for kind, count in (("Input", len(circuit.inputs)), ("Weight", len(circuit.params))):
        used = [tensor.op.index for tensor in circuit.tensors if tensor.op.kind == kind]
        require(len(set(used)) == len(used) and all(i < count for i in used), f"an {kind} that is used twice, or is none")
    for constraint in circuit.constraints:
        shapes = [activation(circuit, column) for column in constraint.columns]
        if constraint.table is not None:
            require(constraint.table < len(circuit.tables), "a lookup in no table")
            require(len(shapes) == circuit.tables[constraint.table].width, "a lookup of another width than its table")
            require(all(shape == shapes[0] for shape in shapes), "columns of different shapes")
    for position, port in enumerate([*circuit.inputs, *circuit.outputs]):
        shape = activation(circuit, port.tensor)
        if position < len(circuit.inputs):
            op = circuit.op(port.tensor)
            require(op.kind == "Input" and op.index == position, f"`{port.name}` is not input {position}")
        check_extents(port.shape)
        require(prod(port.shape) == prod(shape), f"`{port.name}` has another number of entries than its tensor")
        require(len(port.scale) == 1 or shape[-1:] == [len(port.scale)], f"`{port.name}`: number of scales")
        require(all(math.isfinite(s) and s > 0 for s in port.scale), f"`{port.name}`: a scale is no positive number")
    Uniqueness(circuit).check()


def check_extents(shape: Sequence[int]) -> None:
    """Rank and size."""
    fits = len(shape) <= MAX_RANK and all(extent >= 1 for extent in shape) and prod(shape) <= MAX_ENTRIES
    require(fits, f"shape {list(shape)}")


def check_table(circuit: Circuit, table: Table) -> None:
    """Size and least key."""
    require(small(table.least), "a table's least key is too large")
    if table.tensor is not None:
        require(table.tensor < len(circuit.tensors), "a table of a tensor that does not exist")
        shape = circuit.shape(table.tensor)
        check_extents(shape)
        fits = all(is_power_of_two(extent) for extent in shape) and prod(shape) <= 1 << MAX_LOG_TABLE
        require(fits and table.log_len == prod(shape).bit_length() - 1, "a table's tensor has another number of entries")
    elif table.values is None:
        require(table.log_len is not None and table.log_len <= MAX_LOG_TABLE, "a table is too long")
    else:
        require(is_power_of_two(table.rows) and table.rows <= 1 << MAX_LOG_TABLE, "a table's number of rows")


def activation(circuit: Circuit, tensor: int) -> list[int]:
    """Shape of a tensor that is not a weight."""
    require(tensor < len(circuit.tensors), "a tensor that does not exist")
    require(circuit.op(tensor).kind != "Weight", "a weight where an activation is needed")
    return circuit.shape(tensor)


def weight(circuit: Circuit, tensor: int) -> list[int]:
    """Shape of a weight."""
    require(tensor < len(circuit.tensors), "a tensor that does not exist")
    require(circuit.op(tensor).kind == "Weight" and len(circuit.shape(tensor)) == 3, "not a weight")
    return circuit.shape(tensor)


def check_tensor(circuit: Circuit, index: int) -> None:
    """A tensor, its range and its operator."""
    tensor, op = circuit.tensors[index], circuit.op(index)
    require(max(len(tensor.name.encode()), len(tensor.node.encode())) <= MAX_NAME, "a name is too long")
    check_extents(tensor.shape)
    require(-MAX_VALUE <= tensor.least <= tensor.greatest < MAX_VALUE, f"`{tensor.name}`: range")
    require(all(operand < index for operand in op.reads()), f"`{tensor.name}` reads a tensor that stands behind it")
    try:
        check_op(circuit, op, tensor.shape)
    except BadKey as error:
        raise BadKey(f"`{tensor.name}`: {error}") from error


def check_op(circuit: Circuit, op: Op, shape: list[int]) -> None:
    """Shapes of an operator."""
    if op.kind == "Input":
        require(op.index < len(circuit.inputs), "an input that does not exist")
        return
    if op.kind == "Weight":
        require(op.index < len(circuit.params) and shape == circuit.params[op.index].shape, "not the weight's shape")
        return
    if op.kind == "Linear":
        check_linear(circuit, op, shape)
        return
    x = activation(circuit, op.operands[0])
    match op.kind:
        case "Conv":
            w = weight(circuit, op.operands[1])
            check_conv(op, x, w, shape)
        case "Dense":
            w = weight(circuit, op.operands[1])
            require(bool(x and shape) and [1, *shape[-1:], *x[-1:]] == w and x[:-1] == shape[:-1], "shapes of a product")
        case "MatMul":
            b = activation(circuit, op.operands[1])
            fits = min(len(x), len(b)) >= 2 and x[:-2] == b[:-2] and x[-1] == b[-2] and shape == [*x[:-1], b[-1]]
            require(fits, "shapes of a product")
        case "Mul":
            require(x == activation(circuit, op.operands[1]) == shape, "shapes of an entrywise product")
        case "Reshape":
            require(prod(x) == prod(shape), "numbers of entries of a reshape")
        case "FloorShift":
            require(x == shape and 1 <= op.index <= MAX_LOG_TABLE, "a shift")
        case "Lookup":
            fits = op.index < len(circuit.tables) and circuit.tables[op.index].values is not None
            require(x == shape and fits, "a function without a table")
        case "Gather":
            require(x == shape, "shapes of a gather")
        case "Noise":
            is_public = circuit.op(op.operands[0]).kind == "Input" and circuit.policy.public_input
            require(is_public, "noise of a seed that is not public")
            table = circuit.tables[op.index] if op.index < len(circuit.tables) else None
            is_function = table is not None and table.values is not None and table.rows >= 1 << LOG_OCTAVES
            require(is_function, "noise without a table")
        case "Largest":
            fits = bool(x) and shape == [*x[:-1], 1] and 1 <= op.index <= x[-1]
            require(fits, "a place in no line")
        case "Reciprocal":
            require(x == shape and op.index <= MAX_LOG_NUMERATOR, "a reciprocal")
        case _:
            require(all(activation(circuit, operand) == shape for operand in op.operands), f"shapes of a {op.kind}")


def check_linear(circuit: Circuit, op: Op, shape: list[int]) -> None:
    """Terms and constants."""
    require(max(len(op.terms), len(op.constant)) <= MAX_TERMS, "too many terms")
    for number, term in enumerate(op.terms):
        require(term.coefficient != 0 and small(term.coefficient), "a coefficient is 0 or too large")
        check_links(term.links, circuit.shape(term.x), shape)
        if circuit.op(term.x).kind == "Weight":
            require(circuit.shape(term.x)[1] == 1, "a weight that is added has more than one output")
        same = any(other.x == term.x and other.links == term.links for other in op.terms[:number])
        require(not same, "a term stands twice")
    for value, factors in op.constant:
        require(small(value) and len(factors) == len(shape), "a constant does not fit")
        for factor, extent in zip(factors, shape, strict=True):
            check_factor(factor, extent)


def check_factor(factor: AxisFactor, extent: int) -> None:
    """One axis of a constant."""
    n = factor.numbers
    match factor.kind:
        case "Interval":
            require(n[0] <= n[1] <= extent, "an interval does not fit")
        case "Values":
            require(len(n) == extent and all(small(v) for v in n), "values do not fit")


def check_links(links: Sequence[Link], operand: list[int], result: list[int]) -> None:
    """Every axis of both sides stands in exactly one link."""
    read = [link.input for link in links if link.input is not None]
    written = [link.output for link in links if link.output is not None]
    require(sorted(read) == list(range(len(operand))), "an axis of the operand stands in no link, or twice")
    require(sorted(written) == list(range(len(result))), "an axis of the result stands in no link, or twice")
    for link in links:
        if link.map is not None and link.input is not None and link.output is not None:
            check_map(link.map, operand[link.input], result[link.output])


def check_map(own: AxisMap, operand: int, result: int) -> None:
    """A map fits the extents that it links."""
    n = own.numbers
    match own.kind:
        case "Identity":
            fits = operand == result
        case "Strided":
            fits = n[1] != 0 and abs(n[1]) <= MAX_STEP and abs(n[0]) <= MAX_START
        case "Diagonal":
            fits = operand == result == len(n) and all(small(v) for v in n)
        case "Dilate":
            fits = n[1] >= 1 and max(n) <= MAX_STEP
        case "Window":
            fits = min(n[:3]) >= 1 and max(n) <= MAX_STEP and n[0] * result <= 1 << 28
        case _:
            fits = len(n) == result and all(i < operand for i in n)
    require(fits, f"a map {own.kind} does not fit {operand} to {result}")


def check_conv(op: Op, x: list[int], w: list[int], y: list[int]) -> None:
    """A convolution: ``[.., C, H, W]`` to ``[.., O, H', W']``."""
    numbers = [*op.kernel, *op.strides, *op.dilations]
    require(min(numbers) >= 1 and op.groups >= 1 and max([*numbers, *op.pads]) <= MAX_STEP, "geometry")
    require(min(len(x), len(y)) >= 3, "too few axes")
    channels, outputs = x[-3], y[-3]
    require(channels % op.groups == 0 and outputs % op.groups == 0, "groups")
    taps = op.kernel[0] * op.kernel[1]
    grouped = [taps, 1, outputs * (channels // op.groups)]
    expected = [taps, outputs, channels] if op.groups == 1 else grouped
    require(w == expected and x[:-3] == y[:-3], "shapes of a convolution")


Bound = tuple[int, int] | None


class Uniqueness:
    """Every hint has at most one admissible value for every *field* value of its operand: seven patterns are known.

    Bounds hold whatever the weights are: they come from lookups alone.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        count = len(circuit.tensors)
        self.bounds: list[Bound] = [None] * count
        # Tables that a tensor is looked up in alone, and (table, key, value) of the others.
        self.ranges: list[list[Table]] = [[] for _ in range(count)]
        self.pairs: set[tuple[int, int, int]] = set()
        # Tensors whose first or second operand a tensor is.
        self.users: list[list[int]] = [[] for _ in range(count)]
        for index, tensor in enumerate(circuit.tensors):
            distinct: list[int] = []
            for operand in tensor.op.reads():
                if distinct[-1:] != [operand]:
                    distinct.append(operand)
            for operand in distinct[:2]:
                self.users[operand].append(index)
        for constraint in circuit.constraints:
            if constraint.table is not None:
                self.learn_lookup(constraint.table, constraint.columns)
        # A quotient's bounds bound its dividend; limbs stand behind what they split.
        for index in reversed(range(count)):
            op, bound = circuit.op(index), self.bounds[index]
            if op.kind == "FloorShift" and bound is not None and self.has_remainder(index, op.operands[0], op.index):
                low, high = bound
                self.learn(op.operands[0], low << op.index, ((high + 1) << op.index) - 1)
        for index in range(count):
            if self.bounds[index] is None:
                self.bounds[index] = self.derived(index)

    def learn(self, tensor: int, low: int, high: int) -> None:
        """Intersects."""
        known = self.bounds[tensor]
        self.bounds[tensor] = (low, high) if known is None else (max(known[0], low), min(known[1], high))

    def learn_lookup(self, number: int, columns: list[int]) -> None:
        """Keys, and values of a function."""
        table = self.circuit.tables[number]
        if table.tensor is not None:
            # The keys of an activation's table are those of all samples: they bound nothing.
            if self.circuit.op(table.tensor).kind == "Weight":
                self.learn(columns[0], 0, table.rows - 1)
            self.pairs.add((number, columns[0], columns[1]))
            return
        self.learn(columns[0], table.least, table.least + table.rows - 1)
        if table.values is None:
            self.ranges[columns[0]].append(table)
        else:
            self.pairs.add((number, columns[0], columns[1]))
            self.learn(columns[1], min(table.values), max(table.values))

    def size(self, tensor: int) -> int | None:
        """Largest absolute value."""
        bound = self.bounds[tensor]
        return None if bound is None else max(abs(bound[0]), abs(bound[1]))

    def derived(self, index: int) -> Bound:
        """Bounds of a virtual tensor; none where a weight has a part in it."""
        op = self.circuit.op(index)
        total = 0
        if op.kind == "Reshape":
            return self.bounds[op.operands[0]]
        if op.kind == "Linear":
            for term in op.terms:
                size = self.size(term.x)
                if size is None:
                    return None
                total += abs(term.coefficient) * size * prod(gain(k, self.circuit.shape(term.x)) for k in term.links)
            for value, factors in op.constant:
                total += abs(value) * prod(max(map(abs, f.numbers)) if f.kind == "Values" else 1 for f in factors)
        elif op.kind in ("Mul", "MatMul"):
            a, b = (self.size(operand) for operand in op.operands)
            if a is None or b is None:
                return None
            total = a * b * (self.circuit.shape(op.operands[0])[-1] if op.kind == "MatMul" else 1)
        else:
            return None
        return (-total, total) if total < 1 << 100 else None

    def is_combination(self, tensor: int, expected: list[tuple[int, int]], constant: int) -> bool:
        """Whether a tensor is ``sum coefficient x + constant``, entry by entry."""
        op = self.circuit.op(tensor)
        if op.kind != "Linear" or len(op.terms) != len(expected):
            return False
        match op.constant:
            case []:
                fits = constant == 0
            case [(value, factors)]:
                fits = value == constant and all(factor.kind == "Ones" for factor in factors)
            case _:
                fits = False

        def found(x: int, coefficient: int) -> bool:
            return any(t.x == x and t.coefficient == coefficient and t.is_identity() for t in op.terms)

        return fits and all(found(x, coefficient) for x, coefficient in expected)

    def has_remainder(self, quotient: int, x: int, shift: int) -> bool:
        """Whether ``x - 2^shift quotient`` is looked up in ``[0, 2^shift)``."""
        return any(
            self.is_combination(user, [(x, 1), (quotient, -(1 << shift))], 0)
            and any(table.least == 0 and table.log_len == shift for table in self.ranges[user])
            for user in self.users[quotient]
        )

    def check(self) -> None:
        """Every hint, and every private input."""
        for index, tensor in enumerate(self.circuit.tensors):
            op, bound = tensor.op, self.bounds[index]
            fits = True
            if op.kind == "FloorShift":
                fits = self.has_remainder(index, op.operands[0], op.index)
                fits &= bound is not None and (bound[1] - bound[0] + 1) << op.index <= P
            elif op.kind == "Lookup":
                fits = (op.index, op.operands[0], index) in self.pairs
            elif op.kind == "Reciprocal":
                fits = self.reciprocal(index, op.operands[0], op.index)
            elif op.kind == "SquareRoot":
                fits = self.square_root(index, op.operands[0])
            elif op.kind == "Divide":
                fits = self.divide(index, *op.operands)
            elif op.kind == "Gather":
                fits = self.gather(index, *op.operands)
            elif op.kind == "Largest":
                fits = self.largest(index, op.operands[0], op.index)
            elif op.kind == "Input" and not self.circuit.policy.public_input:
                fits = bound is not None and tensor.least <= bound[0] and bound[1] <= tensor.greatest
            require(fits, f"`{tensor.name}` is not pinned: it may have two values")

    def gather(self, value: int, index: int, data: int) -> bool:
        """The value is looked up beside the index among the entries, and the index is that of one sample's."""
        tables = self.circuit.tables
        if not any(own[1:] == (index, value) and tables[own[0]].tensor == data for own in self.pairs):
            return False
        bound = self.bounds[index]
        if self.circuit.op(data).kind == "Weight":
            return True
        return bound is not None and 0 <= bound[0] and bound[1] < prod(self.circuit.shape(data))

    def largest(self, t: int, x: int, rank: int) -> bool:
        """Entries above and below ``t`` are counted: at most ``k - 1`` and ``n - k`` of the ``n`` entries of a line."""
        shape = self.circuit.shape(x)
        n, axis = shape[-1], len(shape) - 1
        along = [Link(k, k, AxisMap("Identity")) for k in range(axis)] + [Link(axis, None, None), Link(None, axis, None)]

        def is_term(term: Term, of: int, coefficient: int, links: list[Link] | None) -> bool:
            same = term.is_identity() if links is None else term.links == links
            return term.x == of and term.coefficient == coefficient and same

        def is_counted(e: int, height: int) -> bool:
            for s in self.users[e]:
                op = self.circuit.op(s)
                if op.kind != "Linear" or op.constant or len(op.terms) != 1 or not is_term(op.terms[0], e, 1, along):
                    continue
                for w in self.users[s]:
                    terms = self.circuit.op(w).terms
                    if len(terms) != 2:
                        continue
                    q = terms[1].x if terms[0].x == s else terms[0].x
                    above, below, size = self.bounds[w], self.bounds[q], self.size(q)
                    if above is None or below is None or size is None:
                        continue
                    room = above[0] >= 0 and above[1] + n < height and below[0] >= rank - n
                    fits = room and 4 * (size + n + 1) * height < P
                    if fits and self.is_combination(w, [(s, -1), (q, height)], rank - 1):
                        return True
            return False

        for d in self.users[t]:
            op = self.circuit.op(d)
            if op.kind != "Linear" or op.constant or len(op.terms) != 2:
                continue
            if not any(is_term(a, x, 1, None) and is_term(b, t, -1, along) for a, b in (op.terms, op.terms[::-1])):
                continue
            for e in self.users[d]:
                of = self.circuit.op(e)
                if of.kind != "Lookup" or of.operands != [d] or (of.index, d, e) not in self.pairs:
                    continue
                height = step_height(self.circuit.tables[of.index])
                if height is not None and is_counted(e, height):
                    return True
        return False

    def rests(self, factors: list[int], others: list[tuple[int, int]], constant: int) -> list[tuple[int, int]]:
        """Every ``t = sum coefficient x + constant - a b`` that is not negative, with its upper bound."""
        found = []
        for times in self.users[factors[0]]:
            op = self.circuit.op(times)
            if op.kind != "Mul" or op.operands not in (factors, factors[::-1]):
                continue
            for t in self.users[times]:
                bound = self.bounds[t]
                fits = bound is not None and bound[0] >= 0
                if bound is not None and fits and self.is_combination(t, [*others, (times, -1)], constant):
                    found.append((t, bound[1]))
        return found

    def is_below(self, t: int, t_high: int, s: int, coefficient: int, constant: int) -> bool:
        """``t <= coefficient s + constant`` over the integers: the difference is not negative, and nothing wraps."""
        size = self.size(s)
        if size is None:
            return False
        return any(
            own is not None and own[0] >= 0 and own[1] + t_high + coefficient * size + abs(constant) < P
            for u in self.users[t]
            if self.is_combination(u, [(s, coefficient), (t, -1)], constant)
            for own in [self.bounds[u]]
        )

    def reciprocal(self, r: int, s: int, log_numerator: int) -> bool:
        """``t = 2^k - r s`` and ``s - 1 - t`` are not negative, and nothing wraps: then ``r = floor(2^k / s)``."""
        bound, size = self.bounds[r], self.size(s)
        if bound is None or size is None or bound[0] < 0:
            return False
        rests = self.rests([r, s], [], 1 << log_numerator)
        return any(bound[1] * size + high < P and self.is_below(t, high, s, 1, -1) for t, high in rests)

    def square_root(self, s: int, x: int) -> bool:
        """``t = x - s^2`` and ``2 s - t`` are not negative, and ``(s + 1)^2 <= p``: then ``s = floor(sqrt(x))``."""
        bound = self.bounds[s]
        if bound is None or bound[0] < 0 or bound[1] >= 1 << 32 or (bound[1] + 1) ** 2 > P:
            return False
        return any(self.is_below(t, high, s, 2, 0) for t, high in self.rests([s, s], [(x, 1)], 0))

    def divide(self, q: int, a: int, b: int) -> bool:
        """``t = a - q b`` and ``b - 1 - t`` are not negative, and the quotients times ``b`` do not wrap: then ``q = floor(a / b)``."""
        bound, size = self.bounds[q], self.size(b)
        if bound is None or size is None:
            return False
        spread = (bound[1] - bound[0] + 1) * size
        return any(spread + high < P and self.is_below(t, high, b, 1, -1) for t, high in self.rests([q, b], [(a, 1)], 0))


def step_height(table: Table) -> int | None:
    """``2^m`` of a table that is ``-2^m`` below 0, 0 at 0, and 1 above."""
    if table.values is None or table.least >= 0:
        return None
    height = -table.values[0]
    steps = [-height if key < 0 else min(key, 1) for key in range(table.least, table.least + table.rows)]
    return height if height > 0 and is_power_of_two(height) and steps == table.values else None


def gain(link: Link, operand: list[int]) -> int:
    """Largest sum of absolute entries in a row."""
    if link.map is None:
        return operand[link.input] if link.input is not None else 1
    match link.map.kind:
        case "Diagonal":
            return max((abs(m) for m in link.map.numbers), default=0)
        case "Window":
            return link.map.numbers[0]
        case _:
            return 1
