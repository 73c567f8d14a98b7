"""Noise of public seeds, and thresholds that are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_circuit import refused, straight, tensor

from veritorch_spec.circuit import AxisFactor, AxisMap, Circuit, Constraint, Link, Op, Policy, Port, Table, Term
from veritorch_spec.noise import noise, row


def test_streams_are_known():
    # The crates have the same numbers in their tests.
    assert noise([1, 2, 3, 4], list(range(1 << 13)), 4) == [1505, 51, 108, 1390]
    assert noise([1, 2, 3, 4], list(range(1 << 13)), 100)[:4] == [1505, 51, 108, 1390]
    assert noise([-1], list(range(32)), 3) != noise([1], list(range(32)), 3)


@pytest.mark.parametrize("log_len", [5, 6, 13, 20])
def test_rows_grow_as_words_fall(log_len):
    words = [0xFFFFFFFF, 0xC0000000, 0x80000000, 0x7FFFFFFF, 0x40000000, 12345, 3, 2, 1, 0]
    octaves = [row(word, log_len) >> (log_len - 5) for word in words]
    assert octaves == sorted(octaves) and octaves[0] == 0 and octaves[-1] == 31
    assert all(0 <= row(word, log_len) < 1 << log_len for word in words)
    assert row(0, log_len) == row(1, log_len)


HEIGHT, N, K = 64, 4, 2
ALONG = [Link(0, 0, AxisMap("Identity")), Link(1, None, None), Link(None, 1, None)]


def greatest(**changes):
    """Tensor 0 is the input, 1 the threshold, 2 the difference, 3 the step, 4 the sum, 5 its quotient, 6 its remainder, 7 what is left above."""
    with_constant = {"constant": [(K - 1, [AxisFactor("Ones")] * 2)]}
    ops = [
        Op("Input", index=0),
        Op("Largest", operands=[0], index=K),
        Op("Linear", terms=[Term(0, 1, straight(2)), Term(1, -1, ALONG)]),
        Op("Lookup", operands=[2], index=0),
        Op("Linear", terms=[Term(3, 1, ALONG)]),
        Op("FloorShift", operands=[4], index=6),
        Op("Linear", terms=[Term(4, 1, straight(2)), Term(5, -HEIGHT, straight(2))]),
        Op("Linear", terms=[Term(4, -1, straight(2)), Term(5, HEIGHT, straight(2))], **with_constant),
    ]
    shapes = [[3, N], [3, 1], [3, N], [3, N], [3, 1], [3, 1], [3, 1], [3, 1]]
    steps = [-HEIGHT if key < 0 else min(key, 1) for key in range(-16, 16)]
    circuit = Circuit(
        name="greatest",
        tensors=[tensor(f"t{k}", shape, op, -4096, 4095) for k, (op, shape) in enumerate(zip(ops, shapes, strict=True))],
        tables=[Table(-16, None, steps), Table(0, 6, None), Table(K - N, 2, None), Table(0, 1, None)],
        params=[],
        constraints=[Constraint(0, [2, 3]), Constraint(1, [6]), Constraint(2, [5]), Constraint(3, [7])],
        inputs=[Port("x", 0, [3, N], [1.0])],
        outputs=[Port("y", 1, [3, 1], [1.0])],
        policy=Policy(True, True, True),
        batch=0,
    )
    return replace(circuit, **changes)


def test_a_threshold_needs_every_lookup():
    circuit = greatest()
    assert refused(circuit) is None
    for k in range(len(circuit.constraints)):
        constraints = circuit.constraints[:k] + circuit.constraints[k + 1 :]
        assert "is not pinned" in (refused(replace(circuit, constraints=constraints)) or ""), k


def test_a_threshold_that_is_counted_otherwise_is_refused():
    circuit = greatest()

    def with_op(which, **changes):
        tensors = list(circuit.tensors)
        tensors[which] = replace(tensors[which], op=replace(tensors[which].op, **changes))
        return replace(circuit, tensors=tensors)

    def with_table(index, table):
        tables = list(circuit.tables)
        tables[index] = table
        return replace(circuit, tables=tables)

    for place in (K - 1, K + 1):
        assert "is not pinned" in (refused(with_op(1, index=place)) or "")
    for place in (0, N + 1):
        assert "a place" in (refused(with_op(1, index=place)) or "")
    steps = circuit.tables[0].values
    for key in (-16, -1, 0, 1, 15):
        values = [value + (at == key + 16) for at, value in enumerate(steps)]
        assert "is not pinned" in (refused(with_table(0, Table(-16, None, values))) or "")
    # One more entry below, and room for a quotient that is off by one.
    assert "is not pinned" in (refused(with_table(2, Table(K - N - 1, 2, None))) or "")
    assert "is not pinned" in (refused(with_table(3, Table(0, 6, None))) or "")
    assert "is not pinned" in (refused(with_table(3, Table(-1, 1, None))) or "")


def test_noise_needs_a_public_seed():
    noisy = tensor("n", [2, 3], Op("Noise", operands=[0], index=0))
    seed = tensor("x", [2, 3], Op("Input", index=0))
    circuit = greatest(
        tensors=[seed, noisy],
        tables=[Table(0, None, [0] * 32)],
        constraints=[],
        inputs=[Port("x", 0, [2, 3], [1.0])],
        outputs=[Port("y", 1, [2, 3], [1.0])],
    )
    assert refused(circuit) is None
    assert "not public" in (refused(replace(circuit, policy=Policy(False, True, True))) or "")
    assert "without a table" in (refused(replace(circuit, tables=[Table(0, None, [0] * 16)])) or "")
    assert "without a table" in (refused(replace(circuit, tables=[Table(0, 5, None)])) or "")
