"""The parts against slower definitions."""

from __future__ import annotations

import random

import pytest
from blake3 import blake3

from veritorch_spec.circuit import AxisFactor, AxisMap, Link
from veritorch_spec.field import (
    E2,
    E3,
    P,
    dot,
    eq,
    eq_index,
    eq_table,
    indicator,
    log_padded,
    powers,
    product,
    root_of_unity,
    total,
)
from veritorch_spec.forms import Factor, Form, constant_value, kronecker, reshape, transpose
from veritorch_spec.keccak import keccak256
from veritorch_spec.merkle import num_nodes, root_of
from veritorch_spec.sumcheck import lagrange
from veritorch_spec.whir import select

FIELDS = [E2, E3]


@pytest.fixture(params=FIELDS)
def of(request):
    return request.param


def element(of, rng):
    return of([rng.randrange(P) for _ in range(of.degree)])


def some(of, count, seed=1):
    rng = random.Random(seed)
    return [element(of, rng) for _ in range(count)]


def test_the_extensions_are_fields(of):
    a, b, c = some(of, 3)
    assert a * b == b * a and (a * b) * c == a * (b * c) and a * (b + c) == a * b + a * c
    assert a * a.inverse() == 1 and (a - a).is_zero() and -a + a == 0 and 1 - a + a == 1
    x = of.basis(1)
    assert x * x == 7 if of is E2 else x * x * x == x + 1
    # The Frobenius map is a homomorphism of order `degree`.
    power = a
    for _ in range(of.degree):
        power = power**P
    assert power == a and (a * b) ** P == a**P * b**P
    with pytest.raises(ZeroDivisionError):
        of.of(0).inverse()


def test_roots_of_unity():
    assert pow(root_of_unity(32), 2**31, P) == P - 1
    assert root_of_unity(32) == pow(7, (P - 1) >> 32, P)
    assert root_of_unity(0) == 1 and pow(root_of_unity(5), 2, P) == root_of_unity(4)


def test_equality_polynomials(of):
    for bits in range(5):
        point = some(of, bits)
        table = eq_table(of, point)
        for i, entry in enumerate(table):
            vertex = [of.of(i >> (bits - 1 - k) & 1) for k in range(bits)]
            assert entry == eq(of, vertex, point) == eq_index(of, i, point)
        for length in range((1 << bits) + 1):
            assert indicator(of, length, point) == total(of, table[:length])
    assert dot(of, [3, -5], some(of, 2)) == some(of, 2)[0] * 3 - some(of, 2)[1] * 5


def test_lagrange_basis(of):
    x, *coefficients = some(of, 5)
    at = lambda y: total(of, (c * y**k for k, c in enumerate(coefficients)))  # noqa: E731
    values = [at(of.of(i)) for i in range(4)]
    assert total(of, (b * v for b, v in zip(lagrange(of, 4, x), values, strict=True))) == at(x)


def test_selection_is_evaluation(of):
    point = some(of, 4)
    coefficients = eq_table(of, point)
    assert select(of, 12345, point) == total(of, (c * 12345**i for i, c in enumerate(coefficients)))


def test_powers_of_any_extent(of):
    for length in range(1, 20):
        point = some(of, log_padded(length), length)
        expected = total(of, (w * pow(7, i, P) for i, w in enumerate(eq_table(of, point)[:length])))
        assert Factor(base=7).evaluate(of, [length], point) == expected


def padded(of, form, shape):
    """The form on the cube."""
    cells = [of.of(0)] * (1 << sum(log_padded(n) for n in shape))
    for index, value in enumerate(form.vector(of, shape)):
        at, shift, rest = 0, 0, index
        for extent in reversed(shape):
            at |= rest % extent << shift
            rest //= extent
            shift += log_padded(extent)
        cells[at] = value
    return cells


def test_forms_are_extended_with_zeros(of):
    shape = [3, 4, 5]
    for form in (
        Form([(1, Factor(entries=some(of, 3))), (2, Factor(entries=some(of, 20, 2)))]),
        Form([(1, Factor(point=some(of, 2))), (1, Factor(base=9)), (1, Factor(point=some(of, 3)))]),
        Form.at_point(shape, some(of, 7)),
    ):
        point = some(of, 7, 5)
        cube = padded(of, form, shape)
        assert form.evaluate(of, shape, point) == total(
            of, (a * b for a, b in zip(cube, eq_table(of, point), strict=True))
        )


def test_reshapes_keep_the_vector(of):
    for output, inner in (
        ([2, 12], [2, 3, 4]),
        ([6, 4], [4, 6]),
        ([1, 8, 1], [2, 1, 4]),
        ([16], [4, 1, 2, 2]),
        ([4, 4], [16, 1]),
        ([1], [1, 1]),
        ([1, 1], []),
    ):
        explicit = Form([(1, Factor(entries=some(of, n, k))) for k, n in enumerate(output)])
        at = Form.at_point(output, some(of, sum(log_padded(n) for n in output)))
        for form in (explicit, at):
            assert reshape(of, form, output, inner).vector(of, inner) == form.vector(of, output)


MAPS = [
    (AxisMap("Identity"), 6, 6),
    (AxisMap("Strided", [-2, 1]), 3, 6),
    (AxisMap("Strided", [5, -2]), 6, 4),
    (AxisMap("Diagonal", [1, -2, 3]), 3, 3),
    (AxisMap("Dilate", [1, 2]), 3, 6),
    (AxisMap("Window", [3, 2, 1, 1]), 6, 3),
    (AxisMap("Gather", [2, 0, 0, 1]), 3, 4),
]


def reads(map_, j):
    """The definition of each map, one output at a time: pairs of an index, which may lie outside, and a factor."""
    n = map_.numbers
    match map_.kind:
        case "Identity":
            return [(j, 1)]
        case "Strided":
            return [(n[0] + n[1] * j, 1)]
        case "Diagonal":
            return [(j, n[j])]
        case "Dilate":
            return [((j - n[0]) // n[1], 1)] if (j - n[0]) % n[1] == 0 else []
        case "Window":
            return [(j * n[1] + k * n[2] - n[3], 1) for k in range(n[0])]
        case _:
            return [(n[j], 1)]


@pytest.mark.parametrize(("map_", "input_len", "output_len"), MAPS)
def test_axis_maps(map_, input_len, output_len):
    expected = [(j, i, m) for j in range(output_len) for i, m in reads(map_, j) if 0 <= i < input_len]
    assert sorted(map_.entries(input_len, output_len)) == sorted(expected)


def test_forms_move_against_maps():
    of = E2
    x = [[random.Random(i + 10 * j).randrange(-9, 9) for i in range(6)] for j in range(3)]
    # y[b, j, k] = sum_a x[a, 2 j - 1] for every b and ... : a sum, a map and a repetition.
    links = [Link(0, None, None), Link(1, 1, AxisMap("Strided", [-1, 2])), Link(None, 0, None)]
    y = [[sum(row[2 * j - 1] if 0 <= 2 * j - 1 < 6 else 0 for row in x) for j in range(4)] for _ in range(5)]
    form = Form([(1, Factor(entries=some(of, 5))), (1, Factor(point=some(of, 2, 2)))])
    moved = transpose(of, form, links, [3, 6], [5, 4])
    flat = lambda rows: [entry for row in rows for entry in row]  # noqa: E731
    assert dot(of, flat(y), form.vector(of, [5, 4])) == dot(of, flat(x), moved.vector(of, [3, 6]))


def test_constants_against_forms():
    of = E3
    constant = [
        (3, [AxisFactor("Ones"), AxisFactor("Interval", [1, 3]), AxisFactor("Values", [4, -5])]),
        (-2, [AxisFactor("Values", [1, 0]), AxisFactor("Ones"), AxisFactor("Ones")]),
    ]
    shape = [2, 3, 2]
    entries = [0] * 12
    for value, factors in constant:
        a, b, c = (factor.vector(n) for factor, n in zip(factors, shape, strict=True))
        for i in range(12):
            entries[i] += value * a[i // 6] * b[i // 2 % 3] * c[i % 2]
    joint = Form([(1, Factor(entries=some(of, 2))), (2, Factor(entries=some(of, 6, 2)))])
    for form in (joint, Form.at_point(shape, some(of, 4))):
        assert constant_value(of, form, constant, shape) == dot(of, entries, form.vector(of, shape))


def test_kronecker_products(of):
    a, b = some(of, 2), some(of, 3, 2)
    assert kronecker(of, [a, b]) == [x * y for x in a for y in b]
    assert kronecker(of, []) == [of.of(1)]
    assert product(of, a) == a[0] * a[1] and powers(a[0], 3)[2] == a[0] * a[0]


def test_merkle_openings():
    node = lambda a, b: blake3(a + b).digest()  # noqa: E731
    for depth in range(5):
        levels = [[bytes([depth, i]) for i in range(1 << depth)]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append([node(below[i], below[i + 1]) for i in range(0, len(below), 2)])
        for subset in range(1, 1 << (1 << min(depth, 3))):
            indices = [i for i in range(1 << depth) if subset >> i % 8 & 1]
            known, nodes = set(indices), []
            for level in levels[:-1]:
                nodes += [level[i ^ 1] for i in sorted(known) if i ^ 1 not in known]
                known = {i // 2 for i in known}
            leaves = {i: levels[0][i] for i in indices}
            assert len(nodes) == num_nodes(depth, indices)
            assert root_of(depth, leaves, nodes, node) == levels[-1][0]
            assert root_of(depth, leaves, [*nodes, bytes(32)], node) is None
            if nodes:
                assert root_of(depth, leaves, nodes[:-1], node) is None


def test_keccak():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert keccak256(bytes(135)) != keccak256(bytes(136)) != keccak256(bytes(137))
