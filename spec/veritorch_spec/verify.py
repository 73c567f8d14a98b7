"""The verifier: reads a key and a proof, and says why it does not accept (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from . import linear, lookup, model, products, security, segments, whir
from .circuit import Circuit, Param, Tensor, num_vars
from .errors import Refused
from .field import E2, E3, Ext, dot, log_padded
from .forms import Factor, Form
from .key import Origin, Proof, Statement, TensorCommitment, VerifyingKey
from .noise import noise
from .opening import Claim, Opening, Relations
from .products import PadLayout
from .transcript import Rehearsal, Transcript, Value

DOMAIN = "veritorch 2026 proof v2"
MAX_BATCH = 1 << 20
MAX_MARGIN = 10


@dataclass(frozen=True)
class Verified:
    """A proof that was accepted."""

    bits: float
    terms: list[tuple[str, float]]
    transcript: Transcript
    # Of all claims and checks that were opened.
    values: list[Value]


def verify(key: VerifyingKey, proof: Proof) -> Verified:
    """Checks a proof; ``Refused`` with the check that failed."""
    check_names(key, proof.origin)
    check_statement(key.circuit, proof.statement)
    verified = verify_segments(key, proof) if key.parts else verify_messages(key, proof.statement, proof.transcript)
    terms = verified.terms + key.renewals
    verified = replace(verified, terms=terms, bits=whir.total_bits(terms))
    if verified.bits < key.target_bits:
        raise Refused(f"the proof is worth less than {key.target_bits} bits in all")
    check_note(key, verified, proof)
    return verified


def verify_messages(key: VerifyingKey, statement: Statement, transcript: bytes) -> Verified:
    """A proof without segments, or that of one segment, but for the note."""
    fields: list[type[Ext]] = [E2, E3] if key.profile == 0 else [E3]
    for of in fields:
        try:
            public = Public.derive(of, key, statement)
        except whir.TooSmall:
            continue
        # In segments the quadratic extension has to leave room for the others.
        if whir.total_bits(public.terms) >= key.target_bits + (key.margin if of is E2 else 0):
            return replay(key, public, statement, transcript)
    raise Refused(f"a proof of this size is worth less than {key.target_bits} bits")


def verify_segments(key: VerifyingKey, proof: Proof) -> Verified:
    """Each segment under a statement that follows from the whole one and the roots between them."""
    parts = [part for _, part in key.parts]
    last = len(parts) - 1
    own_inputs = len(key.circuit.inputs) if key.circuit.policy.committed_input else 0
    given = proof.statement.commitments[:own_inputs], proof.statement.commitments[own_inputs:]
    num_exports = [len(part.circuit.outputs) for part in parts[:last]] + [0]
    exports: list[list[TensorCommitment]] = []
    results: list[Verified] = []
    for number, ((own, part), (roots, transcript)) in enumerate(
        zip(key.parts, segments.frames(proof.transcript, num_exports, Refused), strict=True)
    ):
        openings = 1 + segments.readers(parts, number)
        tensors = [part.circuit.tensors[port.tensor] for port in part.circuit.outputs]
        planes = [segments.num_planes(tensor.least, tensor.greatest) for tensor in tensors] if number < last else []
        exports.append([TensorCommitment(root, n, openings, own.margin) for root, n in zip(roots, planes, strict=True)])
        commitments = given[0] if number == 0 else [exports[home][output] for home, output in part.imports]
        statement = Statement(
            proof.statement.batch,
            proof.statement.inputs if number == 0 else [],
            proof.statement.outputs if number == last else [],
            commitments + (given[1] if number == last else exports[number]),
        )
        try:
            check_statement(own.circuit, statement)
            results.append(verify_messages(own, statement, transcript))
        except Refused as error:
            raise Refused(f"segment {number + 1}: {error}") from error
    terms = segments.merged(parts, [own.terms for own in results])
    values = [value for own in results for value in own.values]
    return Verified(whir.total_bits(terms), terms, results[-1].transcript, values)


@dataclass(frozen=True)
class Plan:
    """What key and number of samples determine, whatever the field."""

    circuit: Circuit
    lookups: lookup.Lookups
    # Committed tensors of the circuit; behind them in the witness lie the multiplicities of tables in use, then pads.
    committed: list[int]
    layout: model.Layout
    # Of the commitments to inputs and outputs.
    links: list[model.Layout]
    level: whir.Level
    hidden: bool

    @staticmethod
    def derive(key: VerifyingKey, statement: Statement) -> Plan:
        """For proofs of a statement of this size."""
        circuit = key.circuit.instantiate(statement.batch)
        committed = [t for t in range(len(circuit.tensors)) if circuit.is_committed(t)]
        policy = circuit.policy
        hidden = key.lifetime > 0 or not (policy.public_input and policy.public_output)
        links = [
            model.Layout.of(
                [Param("", [1, 1, prod(circuit.shape(port.tensor))], own.num_planes)], own.num_openings, key.level_with(own.margin)
            )
            for (_, port), own in zip(circuit.committed_ports(), statement.commitments, strict=True)
        ]
        return Plan(circuit, lookup.Lookups.of(circuit), committed, key.layout, links, key.level, hidden)

    @property
    def has_weights(self) -> bool:
        """Whether any claim will stand on weights."""
        return security.param_claims(self.circuit, security.count_claims(self.circuit, self.lookups)) > 0

    def matrices(self, key: VerifyingKey, statement: Statement) -> list[tuple[model.Layout, bytes]]:
        """Long-lived matrices with their roots: the model's, if it is opened, then those of inputs and outputs."""
        own = [(self.layout, key.model_root)] if self.has_weights else []
        return own + [(layout, link.root) for layout, link in zip(self.links, statement.commitments, strict=True)]


@dataclass(frozen=True)
class Public:
    """A plan with its commitments over a field of challenges."""

    plan: Plan
    opening: Opening
    pads: PadLayout | None
    terms: list[tuple[str, float]]

    @staticmethod
    def derive(of: type[Ext], key: VerifyingKey, statement: Statement) -> Public:
        """For proofs of a statement of this size."""
        plan = Plan.derive(key, statement)
        circuit, lookups = plan.circuit, plan.lookups
        shapes = [circuit.shape(t) for t in plan.committed] + [[circuit.tables[t].rows] for t in lookups.used_tables()]
        pads, num_checks = None, 0
        if plan.hidden:
            rehearsal = Rehearsal(DOMAIN, of)
            policy = circuit.policy
            empty = Statement(
                statement.batch,
                [[] for _ in circuit.inputs if policy.public_input],
                [[] for _ in circuit.outputs if policy.public_output],
                statement.commitments,
            )
            messages(key, plan, empty, rehearsal)
            num_checks = len(rehearsal.recorded)
            # A circuit without lookups and hints may ask for no message at all.
            if rehearsal.num_pads:
                pads = PadLayout(rehearsal.num_pads, rehearsal.products)
                shapes.append([of.degree, pads.length])
        stacks = [shapes]
        combined = [shape for layout, _ in plan.matrices(key, statement) for shape in model.combined_shapes(of, layout)]
        if combined:
            stacks.append(combined)
        opening = Opening.of(of, stacks, plan.hidden, plan.level)
        terms = security.terms(circuit, lookups, plan.layout, plan.links, opening, pads, num_checks)
        return Public(plan, opening, pads, terms)


def replay(key: VerifyingKey, public: Public, statement: Statement, sent: bytes) -> Verified:
    """All messages in order."""
    plan, opening = public.plan, public.opening
    transcript = Transcript(DOMAIN, sent, opening.field)
    root, claims, reductions = messages(key, plan, statement, transcript)
    roots = [root]
    if reductions:
        roots.append(transcript.receive_bytes("combination root", 32))
    first = 0
    for (layout, own), reduction in zip(plan.matrices(key, statement), reductions, strict=True):
        claims += model.compare(transcript, layout, plan.level, own, reduction, first)
        first += len(model.combined_shapes(opening.field, layout))
    pads = None
    if public.pads is not None:
        products.verify(transcript, public.pads)
        pads = (len(opening.stacks[0].shapes) - 1, public.pads)
    transcript.masked = False
    opening.verify(transcript, roots, Relations(claims, transcript.recorded, pads))
    transcript.finish()
    values = [claim.value for claim in claims] + [value for _, value in transcript.recorded]
    return Verified(whir.total_bits(public.terms), public.terms, transcript, values)


def messages(
    key: VerifyingKey, plan: Plan, statement: Statement, transcript: Transcript
) -> tuple[bytes, list[Claim], list[model.Reduction]]:
    """Everything that is said under pads but for their products: the witness' root, claims on it, and those on the weights."""
    of, circuit = transcript.field, plan.circuit
    absorb_statement(key, statement, transcript)
    root = transcript.receive_bytes("witness root", 32)
    transcript.masked = plan.hidden

    claims = linear.Claims()
    columns, looked_in, counts = lookup.verify(circuit, plan.lookups, transcript)
    for own in columns:
        claims.push(own.tensor, own.form, own.value)
    for own in looked_in:
        if circuit.op(own.tensor).kind == "Weight":
            claims.params.append(linear.param_claim(of, circuit, own.tensor, own.form, own.value))
        else:
            claims.push(own.tensor, own.form, own.value)

    for tensor, entries in constrained(circuit, statement):
        shape = circuit.shape(tensor)
        form = Form.at_point(shape, transcript.challenges("constraint point", num_vars(shape)))
        claims.push(tensor, form, transcript.public(inner_product(of, form, shape, entries)))

    links: list[list[linear.ParamClaim]] = []
    for _, port in circuit.committed_ports():
        shape = circuit.shape(port.tensor)
        form = Form.at_point(shape, transcript.challenges("link point", num_vars(shape)))
        (value,) = transcript.receive("link value", 1)
        links.append([linear.ParamClaim(0, [of.of(1)], [], Factor(entries=form.vector(of, shape)), value)])
        claims.push(port.tensor, form, value)

    linear.run(circuit, claims, transcript)

    if circuit.policy.public_input:
        for tensor, own_tensor in enumerate(circuit.tensors):
            if own_tensor.op.kind == "Input":
                for claim in claims.take(tensor):
                    expected = inner_product(of, claim.form, own_tensor.shape, statement.inputs[own_tensor.op.index])
                    transcript.check_zero("public input", claim.value - transcript.public(expected))

    for tensor, own_tensor in enumerate(circuit.tensors):
        if own_tensor.op.kind == "Noise":
            own_claims = claims.take(tensor)
            entries = noise_of(circuit, statement, own_tensor) if own_claims else []
            for claim in own_claims:
                expected = inner_product(of, claim.form, own_tensor.shape, entries)
                transcript.check_zero("noise", claim.value - transcript.public(expected))

    on_matrices = [claims.params, *links] if plan.has_weights else links
    reductions = [
        model.combine(transcript, layout, own_root, own_claims)
        for (layout, own_root), own_claims in zip(plan.matrices(key, statement), on_matrices, strict=True)
    ]

    opened = [
        Claim([(0, slot, claim.form)], claim.value)
        for slot, tensor in enumerate(plan.committed)
        for claim in claims.take(tensor)
    ]
    slots = {table: len(plan.committed) + k for k, table in enumerate(plan.lookups.used_tables())}
    opened += [Claim([(0, slots[own.tensor], own.form)], own.value) for own in counts]
    if claims.tensors:
        raise AssertionError(f"claims on {sorted(claims.tensors)} were never used")
    return root, opened, reductions


def noise_of(circuit: Circuit, statement: Statement, tensor: Tensor) -> list[int]:
    """Entries of noise, samples one behind the other; none in a rehearsal."""
    seeds = statement.inputs[circuit.op(tensor.op.operands[0]).index]
    values = circuit.tables[tensor.op.index].values or []
    own, length = len(seeds) // circuit.batch, prod(tensor.shape) // circuit.batch
    samples = range(circuit.batch if seeds else 0)
    return [entry for k in samples for entry in noise(seeds[k * own : (k + 1) * own], values, length)]


def inner_product(of: type[Ext], form: Form, shape: list[int], entries: list[int]) -> Ext:
    """``<form, T>`` for public entries; zero without entries."""
    return dot(of, entries, form.vector(of, shape)) if entries else of.of(0)


def absorb_statement(key: VerifyingKey, statement: Statement, transcript: Transcript) -> None:
    """Everything that is known before the first message."""
    transcript.absorb("verifying key", key.digest)
    transcript.absorb("batch", statement.batch.to_bytes(8, "little"))
    for label, tensors in (("public inputs", statement.inputs), ("public outputs", statement.outputs)):
        transcript.absorb(label, len(tensors).to_bytes(8, "little"))
        for entries in tensors:
            transcript.absorb(label, b"".join(entry.to_bytes(8, "little", signed=True) for entry in entries))
    for own in statement.commitments:
        sizes = (own.num_planes, own.num_openings, own.margin)
        transcript.absorb("committed tensor", b"".join(size.to_bytes(8, "little") for size in sizes) + own.root)


def constrained(circuit: Circuit, statement: Statement) -> list[tuple[int, list[int]]]:
    """Tensors that are zero, without entries; then public outputs with theirs."""
    zeros: list[tuple[int, list[int]]] = [(c.columns[0], []) for c in circuit.constraints if c.table is None]
    return zeros + [(p.tensor, e) for p, e in zip(circuit.outputs, statement.outputs, strict=False)]


def check_statement(circuit: Circuit, statement: Statement) -> None:
    """Whether the integer graph can have these entries at all."""
    if not 1 <= statement.batch <= MAX_BATCH:
        raise Refused(f"a batch of {statement.batch} samples")
    policy = circuit.policy
    for what, public, ports, tensors in (
        ("inputs", policy.public_input, circuit.inputs, statement.inputs),
        ("outputs", policy.public_output, circuit.outputs, statement.outputs),
    ):
        if len(tensors) != (len(ports) if public else 0):
            raise Refused(f"{len(tensors)} public {what}")
        for port, entries in zip(ports, tensors, strict=False):
            tensor = circuit.tensors[port.tensor]
            length = statement.batch
            for extent in tensor.shape:
                length *= extent
            if len(entries) != length:
                raise Refused(f"`{port.name}` has {len(entries)} entries instead of {length}")
            if any(not tensor.least <= entry <= tensor.greatest for entry in entries):
                raise Refused(f"`{port.name}` has an entry outside its range")
    committed = circuit.committed_ports()
    if len(committed) != len(statement.commitments):
        raise Refused(f"{len(statement.commitments)} committed tensors")
    for (name, port), own in zip(committed, statement.commitments, strict=True):
        planes = 1 <= own.num_planes <= model.MAX_PLANES
        if not planes or not 1 <= own.num_openings <= model.MAX_TENSOR_OPENINGS or own.margin > MAX_MARGIN:
            sizes = f"{own.num_planes} byte planes, {own.num_openings} openings, {own.margin} bits of margin"
            raise Refused(f"the commitment to {name} has {sizes}")
        if log_padded(prod(circuit.shape(port.tensor)) * statement.batch) > model.MAX_LOG_COLUMNS:
            raise Refused(f"the commitment to {name} has a row that is too long")


def check_names(key: VerifyingKey, origin: Origin) -> None:
    """Whether the proof says that it is for this key."""
    if origin.circuit_digest != key.circuit_digest:
        raise Refused("the proof is for another circuit")
    if origin.model_identity != key.identity:
        raise Refused("the proof is for another model commitment")


def check_note(key: VerifyingKey, verified: Verified, proof: Proof) -> None:
    """Whether the rest of the note agrees with the key; how the size splits into parts is the prover's word."""
    origin, circuit = proof.origin, key.circuit
    if (origin.model, origin.profile, origin.policy) != (circuit.name, key.profile, circuit.policy):
        raise Refused("the note states another name, profile or policy than the key")
    shown = [
        [(port.name, port.shape, port.scale) for port in ports] if visible else []
        for visible, ports in (
            (circuit.policy.public_input, circuit.inputs),
            (circuit.policy.public_output, circuit.outputs),
        )
    ]
    if origin.shown != shown:
        raise Refused("the note states other inputs or outputs than the key")
    # Tenths of a bit, rounded down; logarithms may differ in their last place between machines.
    expected = [(name, int(bits * 10)) for name, bits in [*verified.terms, ("", verified.bits)]]
    if len(expected) != len(origin.security) or any(
        name != own or abs(tenths - stated) > 1
        for (name, tenths), (own, stated) in zip(expected, origin.security, strict=True)
    ):
        raise Refused("the note states another security level than the sizes give")
    if sum(count for _, count in origin.sizes) != len(proof.transcript):
        raise Refused("the sizes in the note do not add up")
