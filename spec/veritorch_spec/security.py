"""What a proof is worth, from its sizes; and the field that challenges are drawn from (docs/protocol.md, section 9)."""

from __future__ import annotations

from math import log2

from . import model, products
from .circuit import Circuit, num_vars, schedule
from .field import Ext
from .lookup import Lookups
from .opening import Opening
from .products import PadLayout

Terms = list[tuple[str, float]]


def claims_on(circuit: Circuit, lookups: Lookups, tensor: int) -> int:
    """An upper bound on the claims that a tensor gets."""
    columns = sum(own.count(tensor) for _, own, _ in lookups.lookups)
    links = sum(port.tensor == tensor for _, port in circuit.committed_ports())
    return circuit.readers(tensor) + columns + links + len(circuit.outputs)


def linear_layers(of: type[Ext], circuit: Circuit, lookups: Lookups) -> tuple[str, float]:
    """Everything between lookups and openings: the degree of what is tested."""

    def variables(tensor: int) -> int:
        return max(num_vars(circuit.shape(t)) for t in [tensor, *circuit.op(tensor).reads()])

    degree = 0
    for step in schedule(circuit):
        if circuit.op(step[0]).kind in ("Linear", "Reshape"):
            degree += 2 * variables(step[0]) + claims_on(circuit, lookups, step[0])
        else:
            merged = sum(claims_on(circuit, lookups, tensor) for tensor in step)
            degree += 5 * max(variables(tensor) for tensor in step) + 2 * len(step) + merged
    degree += sum(num_vars(circuit.shape(port.tensor)) for port in circuit.outputs)
    degree += sum(num_vars(circuit.shape(port.tensor)) for _, port in circuit.committed_ports())
    degree += sum(num_vars(circuit.shape(c.columns[0])) for c in circuit.constraints if c.table is None)
    return "linear layers: sumchecks and points", of.claimed_bits - log2(max(degree, 1))


def param_claims(circuit: Circuit) -> int:
    """Claims on weights: one for each reader of one."""
    weights = [t for t, tensor in enumerate(circuit.tensors) if tensor.op.kind == "Weight"]
    return sum(circuit.readers(tensor) for tensor in weights)


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
    result: Terms = []
    if lookups.lookups:
        layers = lookups.variables
        result.append(("lookup fractions", of.claimed_bits - log2(lookups.live)))
        result.append(("lookup tree", of.claimed_bits - log2(layers * (layers + 1))))
    result.append(linear_layers(of, circuit, lookups))
    claims = sum(claims_on(circuit, lookups, t) for t in range(len(circuit.tensors)) if circuit.is_committed(t))
    claims += len(circuit.tables) + num_checks
    commitment: Terms = []
    if on_weights := param_claims(circuit):
        commitment = model.security_terms(of, layout, level, on_weights, "model")
        claims += layout.code.queries + 1
    for (name, _), own in zip(circuit.committed_ports(), links, strict=True):
        commitment += model.security_terms(of, own, level, 1, name)
        claims += own.code.queries + 1
    if pads is not None:
        result += products.security_terms(of, pads)
        claims += products.NUM_CHECKS
    return result + commitment + opening.security_terms(claims)
