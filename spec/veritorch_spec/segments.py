"""Segments: the circuits that a key with cuts stands for, and the parts of their proof (docs/format.md, "Segments")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log2

from .circuit import AxisMap, Circuit, Constraint, Link, Op, Policy, Port, Table, Tensor, Term
from .errors import BadKey
from .field import log_padded

MAX_SEGMENTS = 1 << 10
LIMB = 16


@dataclass(frozen=True)
class Part:
    """A segment: its circuit, and for each input the segment and the output that it comes from."""

    circuit: Circuit
    imports: list[tuple[int, int]]


def margin(count: int) -> int:
    """Bits by which each of so many segments is better."""
    return log_padded(count)


def divide(whole: Circuit, starts: list[int]) -> list[Part]:
    """The segments that begin at these tensors; ``BadKey`` if they cannot be."""
    rising = all(a < b for a, b in pairwise(starts))
    if not (2 <= len(starts) <= MAX_SEGMENTS and starts[0] == 0 and rising and starts[-1] < len(whole.tensors)):
        raise BadKey("segments do not rise within the circuit")
    return Division(whole, starts).parts()


class Division:
    """Where every tensor and constraint belongs."""

    def __init__(self, whole: Circuit, starts: list[int]) -> None:
        self.whole, self.count = whole, len(starts)
        constant: list[bool] = []
        for tensor in whole.tensors:
            constant.append(tensor.op.kind in ("Linear", "Reshape") and all(constant[x] for x in tensor.op.reads()))
        self.home: list[int | None] = []
        for index, tensor in enumerate(whole.tensors):
            if tensor.op.kind == "Weight" or constant[index]:
                self.home.append(None)
            elif tensor.op.kind == "Input":
                self.home.append(0)
            else:
                self.home.append(sum(start <= index for start in starts) - 1)
        self.constraint_homes = [
            max((home for column in self.columns(own) if (home := self.home[column]) is not None), default=0)
            for own in whole.constraints
        ]
        # What each segment reads, constants' operands included.
        self.reads: list[set[int]] = [set() for _ in starts]
        for home, tensor in zip(list(self.home), whole.tensors, strict=True):
            if home is not None:
                self.reads[home].update(tensor.op.reads())
        for home, own in zip(self.constraint_homes, whole.constraints, strict=True):
            self.reads[home].update(self.columns(own))
        self.reads[-1].update(port.tensor for port in whole.outputs)
        for segment, own_reads in enumerate(self.reads):
            for index in sorted(own_reads, reverse=True):
                if whole.op(index).kind == "Weight":
                    if self.home[index] not in (None, segment):
                        raise BadKey("a weight has users in several segments")
                    self.home[index] = segment
            waiting = [index for index in own_reads if constant[index]]
            while waiting:
                operands = [x for x in whole.op(waiting.pop()).reads() if x not in own_reads]
                own_reads.update(operands)
                waiting += operands
        self.constant = constant

    def columns(self, own: Constraint) -> list[int]:
        """Tensors that a constraint speaks of."""
        rows = None if own.table is None else self.whole.tables[own.table].tensor
        return own.columns if rows is None else [*own.columns, rows]

    def imports(self, segment: int) -> list[int]:
        """Tensors of earlier segments that a segment reads."""
        return [x for x in sorted(self.reads[segment]) if (home := self.home[x]) is not None and home < segment]

    def parts(self) -> list[Part]:
        """All segments."""
        imports = [self.imports(segment) for segment in range(self.count)]
        exports = [
            sorted({x for own in imports for x in own if self.home[x] == segment}) for segment in range(self.count)
        ]
        if not all(exports[:-1]):
            raise BadKey("a segment of which no later one reads anything")
        result = []
        for segment, own in enumerate(imports):
            sources = [(home, exports[home].index(x)) for x in own if (home := self.home[x]) is not None]
            result.append(Part(self.circuit(segment, own, exports[segment]), sources))
        return result

    def circuit(self, segment: int, imports: list[int], exports: list[int]) -> Circuit:
        """A segment's circuit."""
        whole, is_last = self.whole, segment == self.count - 1
        tensors: list[Tensor] = []
        ids: dict[int, int] = {}
        # Columns of range checks with least value and bits.
        checks: list[tuple[int, int, int]] = []
        for number, index in enumerate(imports):
            ids[index] = len(tensors)
            tensors_of_import(whole.tensors[index], number, tensors, checks)
        params = []
        for index, tensor in enumerate(whole.tensors):
            if self.home[index] != segment and not (self.constant[index] and index in self.reads[segment]):
                continue
            op = replace(
                tensor.op,
                operands=[ids[x] for x in tensor.op.operands],
                terms=[replace(term, x=ids[term.x]) for term in tensor.op.terms],
            )
            if op.kind == "Weight":
                params.append(whole.params[op.index])
                op = replace(op, index=len(params) - 1)
            ids[index] = len(tensors)
            tensors.append(replace(tensor, op=op))
        own = [c for home, c in zip(self.constraint_homes, whole.constraints, strict=True) if home == segment]
        used = {t.op.index for t in tensors if t.op.kind in ("Lookup", "Noise")} | {c.table for c in own if c.table is not None}
        tables = [renamed_table(whole.tables[table], ids) for table in sorted(used)]
        numbers = {table: number for number, table in enumerate(sorted(used))}
        tensors = [
            replace(t, op=replace(t.op, index=numbers[t.op.index])) if t.op.kind in ("Lookup", "Noise") else t for t in tensors
        ]
        constraints = []
        for column, least, bits in checks:
            table = Table(least, bits, None)
            if table not in tables:
                tables.append(table)
            constraints.append(Constraint(tables.index(table), [column]))
        constraints += [
            Constraint(None if c.table is None else numbers[c.table], [ids[column] for column in c.columns]) for c in own
        ]

        def boundary(index: int) -> Port:
            tensor = whole.tensors[index]
            return Port(tensor.name, ids[index], tensor.shape, [1.0])

        def renamed(ports: list[Port]) -> list[Port]:
            return [replace(port, tensor=ids[port.tensor]) for port in ports]

        policy = whole.policy
        return Circuit(
            name=whole.name,
            tensors=tensors,
            tables=tables,
            params=params,
            constraints=constraints,
            inputs=[boundary(index) for index in imports] if segment else renamed(whole.inputs),
            outputs=renamed(whole.outputs) if is_last else [boundary(index) for index in exports],
            policy=Policy(
                public_input=policy.public_input and segment == 0,
                public_output=policy.public_output and is_last,
                public_weights=policy.public_weights,
                committed_input=policy.committed_input if segment == 0 else True,
                committed_output=policy.committed_output if is_last else True,
            ),
            batch=0,
        )


def renamed_table(table: Table, ids: dict[int, int]) -> Table:
    """With the tensor's number in the segment."""
    return table if table.tensor is None else replace(table, tensor=ids[table.tensor])


def covering(least: int, greatest: int) -> tuple[int, int]:
    """Least value and bits of the smallest range from 0, or about 0, that holds these."""
    if least >= 0:
        return 0, greatest.bit_length()
    bits = max((-least - 1).bit_length(), max(greatest, 0).bit_length())
    return -(1 << bits), bits + 1


def tensors_of_import(tensor: Tensor, number: int, tensors: list[Tensor], checks: list[tuple[int, int, int]]) -> None:
    """An input for a tensor of an earlier segment, its limbs, and their range checks."""
    least, bits = covering(tensor.least, tensor.greatest)
    rank = len(tensor.shape)
    identity = [Link(axis, axis, AxisMap("Identity")) for axis in range(rank)]

    def push(name: str, op: Op, lo: int, hi: int) -> int:
        tensors.append(Tensor(name, tensor.shape, op, lo, hi, tensor.node))
        return len(tensors) - 1

    x = push(tensor.name, Op("Input", index=number), least, least + (1 << bits) - 1)
    while bits > LIMB:
        least, bits = least >> LIMB, bits - LIMB
        name = f"{tensor.name}:import:{bits}"
        q = push(f"{name}:quotient", Op("FloorShift", operands=[x], index=LIMB), least, least + (1 << bits) - 1)
        terms = [Term(x, 1, identity), Term(q, -(1 << LIMB), identity)]
        rem = push(f"{name}:remainder", Op("Linear", terms=terms), 0, (1 << LIMB) - 1)
        checks.append((rem, 0, LIMB))
        x = q
    checks.append((x, least, bits))


def num_planes(least: int, greatest: int) -> int:
    """Balanced bytes that hold these integers."""
    low = high = 0
    for planes in range(1, 8):
        low, high = low - (128 << 8 * (planes - 1)), high + (127 << 8 * (planes - 1))
        if low <= least and greatest <= high:
            return planes
    raise BadKey("integers that take more than seven bytes cross a cut")


def merged(parts: list[Part], reports: list[list[tuple[str, float]]]) -> list[tuple[str, float]]:
    """The terms of all segments, those of one name added."""
    totals: dict[str, float] = {}
    for index, (part, report) in enumerate(zip(parts, reports, strict=True)):
        boundaries = [f"input `{port.name}`:" for port in part.circuit.inputs if index > 0]
        boundaries += [f"output `{port.name}`:" for port in part.circuit.outputs if index + 1 < len(parts)]
        for name, bits in report:
            general = "boundaries" if any(name.startswith(own) for own in boundaries) else without_numbers(name)
            known = totals.get(general)
            totals[general] = bits if known is None else -log2(2.0**-known + 2.0**-bits)
    return list(totals.items())


def without_numbers(name: str) -> str:
    """A term's name with ``n`` for each number."""
    return re.sub("[0-9]+", "n", name)


def readers(parts: list[Part], segment: int) -> int:
    """How many segments read an output of a segment at most."""
    outputs = range(len(parts[segment].circuit.outputs))
    counts = [sum((segment, output) in part.imports for part in parts) for output in outputs]
    return max(counts, default=0)


def frames(data: bytes, num_exports: list[int], refuse: Callable[[str], Exception]) -> list[tuple[list[bytes], bytes]]:
    """Roots of exports and transcript of each segment."""
    at, result = 0, []

    def take(count: int) -> bytes:
        nonlocal at
        if at + count > len(data):
            raise refuse("the proof ends within its roots and lengths")
        at += count
        return data[at - count : at]

    for count in num_exports:
        roots = [take(32) for _ in range(count)]
        result.append((roots, take(int.from_bytes(take(8), "little"))))
    if at != len(data):
        raise refuse("bytes follow the last segment")
    return result
