"""The circuit: an integer graph, its batch axis, and the order in which claims travel through it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from .field import log_padded

CONTRACTIONS = ("Conv", "Dense", "MatMul", "Mul")
VIRTUAL = (*CONTRACTIONS, "Linear", "Reshape")
HINTS = ("FloorShift", "Lookup", "Reciprocal", "SquareRoot", "Divide", "Gather", "Largest")
# Claims that a linear or reshaped tensor passes on one by one; more are merged into one first.
MAX_REWRITES = 64


@dataclass(frozen=True)
class AxisMap:
    """A sparse matrix from an axis of an operand to an axis of a result."""

    kind: str
    numbers: list[int] = field(default_factory=list)

    def entries(self, input_len: int, output_len: int) -> list[tuple[int, int, int]]:
        """``(j, i, m)`` for every non-zero ``m[j, i]`` of ``y[j] = sum_i m[j, i] x[i]``."""
        n = self.numbers
        match self.kind:
            case "Identity":
                return [(j, j, 1) for j in range(output_len)]
            case "Strided":
                reads = ((j, n[0] + n[1] * j) for j in range(output_len))
                return [(j, i, 1) for j, i in reads if 0 <= i < input_len]
            case "Diagonal":
                return [(j, j, m) for j, m in enumerate(n)]
            case "Dilate":
                writes = ((n[0] + n[1] * i, i) for i in range(input_len))
                return [(j, i, 1) for j, i in writes if j < output_len]
            case "Window":
                kernel, stride, dilation, pad = n
                reads = ((j, j * stride + k * dilation - pad) for j in range(output_len) for k in range(kernel))
                return [(j, i, 1) for j, i in reads if 0 <= i < input_len]
            case _:
                return [(j, i, 1) for j, i in enumerate(n)]


@dataclass(frozen=True)
class Link:
    """An axis of the operand that is mapped to one of the result; without `input` a repetition, without `output` a sum."""

    input: int | None
    output: int | None
    map: AxisMap | None


@dataclass(frozen=True)
class Term:
    """``coefficient * map(x)``."""

    x: int
    coefficient: int
    links: list[Link]

    def is_identity(self) -> bool:
        """Whether every axis stays what and where it is."""
        return all(k.map is not None and k.map.kind == "Identity" and k.input == k.output for k in self.links)


@dataclass(frozen=True)
class AxisFactor:
    """A public vector along one axis of a constant."""

    kind: str
    numbers: list[int] = field(default_factory=list)

    def vector(self, length: int) -> list[int]:
        """Its entries."""
        match self.kind:
            case "Ones":
                return [1] * length
            case "Interval":
                start, end = self.numbers
                return [int(start <= j < end) for j in range(length)]
            case _:
                return self.numbers


@dataclass(frozen=True)
class Op:
    """What defines a tensor."""

    kind: str
    operands: list[int] = field(default_factory=list)
    # Number of the input, weight or table; shift; logarithm of the numerator; place in a line's order.
    index: int = 0
    terms: list[Term] = field(default_factory=list)
    constant: list[tuple[int, list[AxisFactor]]] = field(default_factory=list)
    kernel: list[int] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    dilations: list[int] = field(default_factory=list)
    pads: list[int] = field(default_factory=list)
    groups: int = 1

    def reads(self) -> list[int]:
        """Operands in the order of the definition."""
        return [term.x for term in self.terms] if self.kind == "Linear" else self.operands


@dataclass(frozen=True)
class Tensor:
    """A tensor."""

    name: str
    shape: list[int]
    op: Op
    least: int
    greatest: int
    node: str


@dataclass(frozen=True)
class Table:
    """Rows ``least + i``, ``(least + i, values[i])``, or ``(i, entry i of a tensor)``."""

    least: int
    log_len: int | None
    values: list[int] | None
    tensor: int | None = None

    @property
    def rows(self) -> int:
        """Their number."""
        return 1 << self.log_len if self.values is None else len(self.values)  # type: ignore[operator]

    @property
    def width(self) -> int:
        """Columns."""
        return 1 if self.values is None and self.tensor is None else 2


@dataclass(frozen=True)
class Param:
    """A weight: shape ``[kernel, output, column]`` and its number of byte planes."""

    name: str
    shape: list[int]
    num_planes: int


@dataclass(frozen=True)
class Constraint:
    """Columns that are looked up in a table; without a table, a tensor that is zero."""

    table: int | None
    columns: list[int]


@dataclass(frozen=True)
class Port:
    """An input or output."""

    name: str
    tensor: int
    shape: list[int]
    scale: list[float]


@dataclass(frozen=True)
class Policy:
    """What the statement shows."""

    public_input: bool
    public_output: bool
    public_weights: bool
    committed_input: bool = False
    committed_output: bool = False


@dataclass(frozen=True)
class Circuit:
    """The integer graph."""

    name: str
    tensors: list[Tensor]
    tables: list[Table]
    params: list[Param]
    constraints: list[Constraint]
    inputs: list[Port]
    outputs: list[Port]
    policy: Policy
    batch: int

    def op(self, tensor: int) -> Op:
        """What defines a tensor."""
        return self.tensors[tensor].op

    def shape(self, tensor: int) -> list[int]:
        """Extents of a tensor."""
        return self.tensors[tensor].shape

    def committed_ports(self) -> list[tuple[str, Port]]:
        """Ports that the statement holds commitments to, inputs first, with their names in reports."""
        policy = self.policy
        inputs = [(f"input `{port.name}`", port) for port in self.inputs if policy.committed_input]
        return inputs + [(f"output `{port.name}`", port) for port in self.outputs if policy.committed_output]

    def is_committed(self, tensor: int) -> bool:
        """Hints, and inputs that are not public."""
        kind = self.op(tensor).kind
        return kind in HINTS or (kind == "Input" and not self.policy.public_input)

    def instantiate(self, batch: int) -> Circuit:
        """With the batch axis in front of every tensor that is not a weight."""

        def term(own: Term) -> Term:
            if self.op(own.x).kind == "Weight":
                first, shift = Link(None, 0, None), 0
            else:
                first, shift = Link(0, 0, AxisMap("Identity")), 1
            moved = [
                Link(
                    None if link.input is None else link.input + shift,
                    None if link.output is None else link.output + 1,
                    link.map,
                )
                for link in own.links
            ]
            return Term(own.x, own.coefficient, [first, *moved])

        def tensor(own: Tensor) -> Tensor:
            if own.op.kind == "Weight":
                return own
            op = own.op
            if op.kind == "Linear":
                op = replace(
                    op,
                    terms=[term(t) for t in op.terms],
                    constant=[(value, [AxisFactor("Ones"), *factors]) for value, factors in op.constant],
                )
            return replace(own, shape=[batch, *own.shape], op=op)

        # Entries of all samples follow one another in the table of an activation: a sample reads at `sample * entries + index`.
        tensors, tables, constraints = [tensor(t) for t in self.tensors], [], []
        for table in self.tables:
            per_sample = table.tensor is not None and self.op(table.tensor).kind != "Weight"
            tables.append(replace(table, log_len=table.log_len + log_padded(batch)) if per_sample else table)  # type: ignore[operator]
        for constraint in self.constraints:
            data = None if constraint.table is None else self.tables[constraint.table].tensor
            if data is not None and self.op(data).kind != "Weight":
                index = constraint.columns[0]
                own = tensors[index]
                rank = len(own.shape)
                identity = [Link(axis, axis, AxisMap("Identity")) for axis in range(rank)]
                factors = [AxisFactor("Values", list(range(batch))), *[AxisFactor("Ones")] * (rank - 1)]
                op = Op("Linear", terms=[Term(index, 1, identity)], constant=[(prod(self.shape(data)), factors)])
                tensors.append(replace(own, name=f"{own.name}:row", op=op))
                constraint = replace(constraint, columns=[len(tensors) - 1, *constraint.columns[1:]])
            constraints.append(constraint)
        return replace(self, tensors=tensors, tables=tables, constraints=constraints, batch=batch)



def num_vars(shape: list[int]) -> int:
    """Variables of a tensor whose axes are padded to powers of two."""
    return sum(log_padded(length) for length in shape)


def schedule(circuit: Circuit) -> list[list[int]]:
    """The steps: a wave of contractions, or one linear or reshaped tensor.

    A tensor is reduced when the claims of all its readers have arrived.
    """
    live = {column for constraint in circuit.constraints for column in constraint.columns}
    tables = [circuit.tables[c.table].tensor for c in circuit.constraints if c.table is not None]
    live |= {tensor for tensor in tables if tensor is not None}
    if circuit.policy.public_output or circuit.policy.committed_output:
        live |= {port.tensor for port in circuit.outputs}
    pending = [0] * len(circuit.tensors)
    for index in reversed(range(len(circuit.tensors))):
        op = circuit.op(index)
        if index in live and op.kind in VIRTUAL:
            for operand in op.reads():
                live.add(operand)
                pending[operand] += 1
    waiting = [i for i in reversed(range(len(circuit.tensors))) if i in live and circuit.op(i).kind in VIRTUAL]
    steps: list[list[int]] = []
    while waiting:
        wave, later = [], []
        for index in waiting:
            op = circuit.op(index)
            if pending[index]:
                later.append(index)
            elif op.kind in CONTRACTIONS:
                wave.append(index)
            else:
                steps.append([index])
                for operand in op.reads():
                    pending[operand] -= 1
        for index in wave:
            for operand in circuit.op(index).reads():
                pending[operand] -= 1
        if wave:
            steps.append(wave)
        waiting = later
    return steps
