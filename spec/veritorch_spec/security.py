"""What a proof is worth, from its sizes; and the field that challenges are drawn from (docs/protocol.md, section 9)."""

from __future__ import annotations

from math import log2

from . import model, products
from .circuit import MAX_REWRITES, Circuit, num_vars, schedule
from .field import Ext
from .lookup import Lookups
from .opening import Opening
from .products import PadLayout

Terms = list[tuple[str, float]]


def count_claims(circuit: Circuit, lookups: Lookups) -> list[int]:
    """An upper bound on the claims that each tensor gets."""
    counts = [0] * len(circuit.tensors)
    sources = [column for _, own, _ in lookups.lookups for column in own]
    sources += [tensor for _, tensor in lookups.tensor_tables()]
    sources += [c.columns[0] for c in circuit.constraints if c.table is None]
    sources += [port.tensor for port in circuit.outputs if circuit.policy.public_output]
    sources += [port.tensor for _, port in circuit.committed_ports()]
    for tensor in sources:
        counts[tensor] += 1
    for step in schedule(circuit):
        for tensor in step:
            op = circuit.op(tensor)
            passed = min(counts[tensor], MAX_REWRITES) if op.kind in ("Linear", "Reshape") else 1
            for operand in op.reads():
                counts[operand] += passed
    return counts


def linear_layers(of: type[Ext], circuit: Circuit, counts: list[int]) -> tuple[str, float]:
    """Everything between lookups and openings: the degree of what is tested."""

    def variables(tensor: int) -> int:
        return max(num_vars(circuit.shape(t)) for t in [tensor, *circuit.op(tensor).reads()])

    degree = 0
    for step in schedule(circuit):
        if circuit.op(step[0]).kind in ("Linear", "Reshape"):
            degree += 2 * variables(step[0]) + counts[step[0]]
        else:
            merged = sum(counts[tensor] for tensor in step)
            degree += 5 * max(variables(tensor) for tensor in step) + 2 * len(step) + merged
    degree += sum(num_vars(circuit.shape(port.tensor)) for port in circuit.outputs)
    degree += sum(num_vars(circuit.shape(port.tensor)) for _, port in circuit.committed_ports())
    degree += sum(num_vars(circuit.shape(c.columns[0])) for c in circuit.constraints if c.table is None)
    return "linear layers: sumchecks and points", of.claimed_bits - log2(max(degree, 1))


def param_claims(circuit: Circuit, counts: list[int]) -> int:
    """An upper bound on the claims on weights."""
    return sum(counts[t] for t, tensor in enumerate(circuit.tensors) if tensor.op.kind == "Weight")


def terms(
    circuit: Circuit,
    lookups: Lookups,
    layout: model.Layout,
    links: list[model.Layout],
    opening: Opening,
    pads: PadLayout | None,
    num_checks: int,
) -> Terms:
    """``-log2`` of each way in which a false statement could be accepted."""
    of, level = opening.field, opening.level
    counts = count_claims(circuit, lookups)
    result: Terms = []
    if lookups.lookups:
        layers = lookups.variables
        result.append(("lookup fractions", of.claimed_bits - log2(lookups.live)))
        result.append(("lookup tree", of.claimed_bits - log2(layers * (layers + 1))))
    result.append(linear_layers(of, circuit, counts))
    claims = sum(counts[t] for t in range(len(circuit.tensors)) if circuit.is_committed(t))
    claims += len(circuit.tables) + num_checks
    commitment: Terms = []
    if on_weights := param_claims(circuit, counts):
        commitment = model.security_terms(of, layout, level, on_weights, "model")
        claims += layout.code.queries + 1
    for (name, _), own in zip(circuit.committed_ports(), links, strict=True):
        commitment += model.security_terms(of, own, level, 1, name)
        claims += own.code.queries + 1
    if pads is not None:
        result += products.security_terms(of, pads)
        claims += products.NUM_CHECKS
    return result + commitment + opening.security_terms(claims)
