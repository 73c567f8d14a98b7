"""Circuits from strangers: rules about shapes and about hints, and the schedule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden_files import NAMES, golden

from veritorch_spec.check import check
from veritorch_spec.circuit import (
    CONTRACTIONS,
    VIRTUAL,
    AxisFactor,
    AxisMap,
    Circuit,
    Constraint,
    Link,
    Op,
    Policy,
    Port,
    Table,
    Tensor,
    Term,
    schedule,
)
from veritorch_spec.errors import BadKey


def refused(circuit):
    try:
        check(circuit)
    except BadKey as error:
        return str(error)
    return None


def inputs_of(circuit):
    """Inputs and sums of inputs: lookups of these say which inputs there are."""
    found = set()
    for index, tensor in enumerate(circuit.tensors):
        sums = tensor.op.kind == "Linear" and all(term.x in found for term in tensor.op.terms)
        if tensor.op.kind == "Input" or sums:
            found.add(index)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_hint_needs_every_lookup(name):
    circuit = golden(name).key.circuit
    assert refused(circuit) is None
    inputs = inputs_of(circuit)
    for k, constraint in enumerate(circuit.constraints):
        rest = circuit.constraints[:k] + circuit.constraints[k + 1 :]
        # The range of a value may also be that of a table's keys.
        elsewhere = {column for other in rest for column in other.columns}
        if not set(constraint.columns) <= inputs | elsewhere:
            assert "is not pinned" in (refused(replace(circuit, constraints=rest)) or ""), k


def test_other_shifts_and_tables_are_refused():
    circuit = golden("mlp").key.circuit
    for index, tensor in enumerate(circuit.tensors):
        if tensor.op.kind == "FloorShift":
            for shift in (tensor.op.index + 1, tensor.op.index - 1, 0, 21):
                tensors = list(circuit.tensors)
                tensors[index] = replace(tensor, op=replace(tensor.op, index=shift))
                assert refused(replace(circuit, tensors=tensors))
    for k, table in enumerate(circuit.tables):
        if table.values is None:
            for other in (replace(table, least=table.least + 1), replace(table, log_len=table.log_len + 1)):
                tables = list(circuit.tables)
                tables[k] = other
                assert refused(replace(circuit, tables=tables))


def tensor(name, shape, op, least=-8, greatest=7):
    return Tensor(name, shape, op, least, greatest, "")


def small(*tensors, **changes):
    """A public input of shape [2, 3], then these tensors; the last one is the output."""
    x = tensor("x", [2, 3], Op("Input", index=0))
    own = [x, *tensors]
    circuit = Circuit(
        name="small",
        tensors=own,
        tables=[],
        params=[],
        constraints=[],
        inputs=[Port("x", 0, [2, 3], [1.0])],
        outputs=[Port("y", len(own) - 1, own[-1].shape, [1.0])],
        policy=Policy(True, True, True),
        batch=0,
    )
    return replace(circuit, **changes)


def straight(rank):
    return [Link(axis, axis, AxisMap("Identity")) for axis in range(rank)]


def linear(shape, *terms, constant=()):
    return tensor("y", shape, Op("Linear", terms=list(terms), constant=list(constant)))


def test_wiring_that_fits_is_accepted():
    assert refused(small()) is None
    assert refused(small(linear([2, 3], Term(0, 2, straight(2))))) is None
    moved = [Link(0, 1, AxisMap("Identity")), Link(1, 0, AxisMap("Strided", [2, -1]))]
    assert refused(small(linear([3, 2], Term(0, 1, moved)))) is None
    spread = [Link(0, None, None), Link(None, 0, None), Link(1, 1, AxisMap("Window", [2, 1, 1, 0]))]
    ones = (5, [AxisFactor("Ones"), AxisFactor("Interval", [0, 1])])
    assert refused(small(linear([4, 2], Term(0, -1, spread), constant=[ones]))) is None


def test_wiring_that_does_not_fit_is_refused():
    s = straight(2)
    cases = [
        linear([3, 2], Term(0, 1, s)),
        linear([2, 3], Term(0, 0, s)),
        linear([2, 3], Term(0, 1, s), Term(0, 2, s)),
        linear([2, 3], Term(1, 1, s)),
        linear([2, 3], Term(0, 1, [s[0]])),
        linear([2, 3], Term(0, 1, [s[0], s[0]])),
        linear([2, 3], Term(0, 1, [s[0], Link(1, 1, AxisMap("Diagonal", [1, 2]))])),
        linear([2, 3], Term(0, 1, [s[0], Link(1, 1, AxisMap("Gather", [0, 1, 3]))])),
        linear([2, 3], Term(0, 1, [s[0], Link(1, 1, AxisMap("Strided", [0, 0]))])),
        linear([2, 3], Term(0, 1, [s[0], Link(1, 1, AxisMap("Window", [0, 1, 1, 0]))])),
        linear([2, 3], Term(0, 1, s), constant=[(1, [AxisFactor("Ones")])]),
        linear([2, 3], Term(0, 1, s), constant=[(1, [AxisFactor("Ones"), AxisFactor("Interval", [0, 4])])]),
        linear([2, 3], Term(0, 1, s), constant=[(1, [AxisFactor("Ones"), AxisFactor("Values", [0, 4])])]),
        tensor("y", [5], Op("Reshape", operands=[0])),
        tensor("y", [2, 2], Op("MatMul", operands=[0, 0])),
        tensor("y", [3, 2], Op("Mul", operands=[0, 0])),
        tensor("y", [2, 3], Op("Dense", operands=[0, 0])),
        tensor("y", [2, 3], Op("Lookup", operands=[0], index=0)),
        tensor("x", [6], Op("Reshape", operands=[0])),
        tensor("y", [0], Op("Reshape", operands=[0])),
        replace(tensor("y", [6], Op("Reshape", operands=[0])), least=3, greatest=2),
    ]
    for own in cases:
        assert refused(small(own)), own
    for changes in (
        {"outputs": []},
        {"batch": 1},
        {"inputs": []},
        {"outputs": [Port("y", 1, [6], [1.0])]},
        {"outputs": [Port("y", 0, [5], [1.0])]},
        {"outputs": [Port("y", 0, [6], [0.0])]},
        {"outputs": [Port("y", 0, [6], [1.0, 1.0])]},
        {"tables": [Table(0, 21, None)]},
        {"tables": [Table(0, None, [1, 2, 3])]},
        {"policy": Policy(False, True, True)},
    ):
        assert refused(small(**changes)), changes


@pytest.mark.parametrize("name", NAMES)
def test_claims_arrive_before_they_are_needed(name):
    circuit = golden(name).key.circuit.instantiate(2)
    order = [t for step in schedule(circuit) for t in step]
    assert len(set(order)) == len(order)
    place = {t: k for k, step in enumerate(schedule(circuit)) for t in step}
    for index, own in enumerate(circuit.tensors):
        if index in place:
            assert own.op.kind in VIRTUAL
            readers = [r for r, t in enumerate(circuit.tensors) if index in t.op.reads() and r in place]
            assert all(place[r] < place[index] for r in readers)
    for step in schedule(circuit):
        assert len(step) == 1 or all(circuit.op(t).kind in CONTRACTIONS for t in step)
        assert all(shape[0] == 2 for shape in (circuit.shape(t) for t in step))


RANGE = Table(0, 16, None)
RULES = {
    # The hint, the factors of the product that is taken off, and the two differences that must not be negative.
    "SquareRoot": (Op("SquareRoot", operands=[0]), [2, 2], [(0, 1)], [(2, 2)], 0),
    "Divide": (Op("Divide", operands=[0, 1]), [2, 1], [(0, 1)], [(1, 1)], -1),
}


def division(kind, hint=2, weight=-1, constant=None, table=RANGE):
    """Tensors 0 and 1 are private inputs, 2 is the hint, 3 the product, 4 the rest, 5 the slack."""
    op, factors, rest, slack, own = RULES[kind]
    shift = own if constant is None else constant

    def differs(terms, minus, value, factor):
        terms = [*(Term(x, coefficient, straight(2)) for x, coefficient in terms), Term(minus, factor, straight(2))]
        return Op("Linear", terms=terms, constant=[(value, [AxisFactor("Ones")] * 2)] if value else [])

    ops = [
        Op("Input", index=0),
        Op("Input", index=1),
        op,
        Op("Mul", operands=[hint if k == 2 else k for k in factors]),
        differs(rest, 3, 0, weight),
        differs(slack, 4, shift, -1),
    ]
    tensors = [tensor(f"t{k}", [2, 3], own, 0, (1 << 16) - 1) for k, own in enumerate(ops)]
    return small(
        tables=[table],
        tensors=tensors,
        constraints=[Constraint(0, [k]) for k in (0, 1, 2, 4, 5)],
        inputs=[Port("a", 0, [2, 3], [1.0]), Port("b", 1, [2, 3], [1.0])],
        outputs=[Port("y", 2, [2, 3], [1.0])],
        policy=Policy(False, True, True),
    )


@pytest.mark.parametrize("kind", RULES)
def test_roots_and_quotients_are_pinned_from_both_sides(kind):
    circuit = division(kind)
    assert refused(circuit) is None
    for k in range(len(circuit.constraints)):
        constraints = circuit.constraints[:k] + circuit.constraints[k + 1 :]
        # The root needs no bound of its operand, nor the quotient one of its dividend, beside the input's own.
        assert "is not pinned" in (refused(replace(circuit, constraints=constraints)) or ""), k
    for other in (division(kind, hint=1), division(kind, weight=1), division(kind, constant=1), division(kind, constant=-2)):
        assert "is not pinned" in (refused(other) or "")
    below = division(kind, table=Table(-1, 16, None))
    assert "is not pinned" in (refused(below) or "")
    shapes = list(circuit.tensors)
    shapes[2] = replace(shapes[2], shape=[3, 2])
    assert refused(replace(circuit, tensors=shapes))


@pytest.mark.parametrize("kind", RULES)
def test_roots_and_quotients_do_not_wrap(kind):
    circuit = division(kind)
    # As wide as a table of 2^20 keys may lie: products of two such bounds leave the field.
    far = replace(circuit, tables=[RANGE, Table((1 << 61) - (1 << 15), 20, None)])
    tensors = [replace(own, greatest=(1 << 62) - 1) for own in far.tensors]
    wide = [Constraint(1, c.columns) if c.columns in ([1], [2]) else c for c in far.constraints]
    assert "is not pinned" in (refused(replace(far, tensors=tensors, constraints=wide)) or "")
