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


@pytest.mark.parametrize("name", NAMES)
def test_a_hint_needs_every_lookup(name):
    circuit = golden(name).key.circuit
    assert refused(circuit) is None
    for k, constraint in enumerate(circuit.constraints):
        rest = circuit.constraints[:k] + circuit.constraints[k + 1 :]
        # A lookup may stand twice.
        if constraint.columns and constraint not in rest:
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
