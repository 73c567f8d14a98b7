"""The verifier: reads a key and a proof, and says why it does not accept (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass

from . import linear, lookup, model, security, whir, witness
from .circuit import Circuit, num_vars
from .errors import Refused
from .field import E2, E3, Ext, dot
from .forms import Form
from .key import Origin, Proof, Statement, VerifyingKey
from .transcript import Transcript

DOMAIN = "veritorch 2026 proof v1"
MAX_BATCH = 1 << 20


@dataclass(frozen=True)
class Verified:
    """A proof that was accepted."""

    bits: float
    terms: list[tuple[str, float]]
    transcript: Transcript


def verify(key: VerifyingKey, proof: Proof) -> Verified:
    """Checks a proof; ``Refused`` with the check that failed."""
    check_names(key, proof.origin)
    check_statement(key.circuit, proof.statement)
    fields: list[type[Ext]] = [E2, E3] if key.profile == 0 else [E3]
    for of in fields:
        try:
            public = Public.derive(of, key, proof.statement.batch)
        except whir.TooSmall:
            continue
        if whir.total_bits(public.terms) >= key.target_bits:
            verified = replay(key, public, proof)
            check_note(key, public, verified, proof)
            return verified
    raise Refused(f"a proof of this size is worth less than {key.target_bits} bits")


@dataclass(frozen=True)
class Public:
    """What key and number of samples determine."""

    field: type[Ext]
    circuit: Circuit
    lookups: lookup.Lookups
    # Committed tensors of the circuit, then tables in use, in the order of the stack.
    committed: list[int]
    stack: witness.Stack
    layout: model.Layout
    level: whir.Level
    terms: list[tuple[str, float]]

    @staticmethod
    def derive(of: type[Ext], key: VerifyingKey, batch: int) -> Public:
        """For proofs of this many samples."""
        circuit = key.circuit.instantiate(batch)
        lookups = lookup.Lookups.of(circuit)
        committed = [t for t in range(len(circuit.tensors)) if circuit.is_committed(t)]
        shapes = [circuit.shape(t) for t in committed] + [[circuit.tables[t].rows] for t in lookups.used_tables()]
        stack = witness.Stack.of(shapes)
        layout = model.Layout.of(circuit.params)
        level = whir.Level(key.target_bits + 4)
        terms = security.terms(of, circuit, lookups, layout, stack, level)
        return Public(of, circuit, lookups, committed, stack, layout, level, terms)


def replay(key: VerifyingKey, public: Public, proof: Proof) -> Verified:
    """All messages in order."""
    of, circuit, statement = public.field, public.circuit, proof.statement
    transcript = Transcript(DOMAIN, proof.transcript, of)
    absorb_statement(key, statement, transcript)
    root = transcript.receive_bytes("witness root", 32)

    claims = linear.Claims()
    columns, counts = lookup.verify(public.lookups, transcript)
    for own in columns:
        claims.push(own.tensor, own.form, own.value)

    for tensor, entries in constrained(circuit, statement):
        shape = circuit.shape(tensor)
        form = Form.at_point(shape, transcript.challenges("constraint point", num_vars(shape)))
        value = of.of(0) if entries is None else dot(of, entries, form.vector(of, shape))
        claims.push(tensor, form, transcript.public(value))

    linear.run(circuit, claims, transcript)

    if circuit.policy.public_input:
        for tensor, own_tensor in enumerate(circuit.tensors):
            if own_tensor.op.kind == "Input":
                entries = statement.inputs[own_tensor.op.index]
                for claim in claims.take(tensor):
                    value = dot(of, entries, claim.form.vector(of, own_tensor.shape))
                    transcript.check_zero("public input", claim.value - transcript.public(value))

    model.verify(transcript, public.layout, public.level, key.model_root, claims.params)

    opened = [
        witness.Claim(slot, claim.form, claim.value)
        for slot, tensor in enumerate(public.committed)
        for claim in claims.take(tensor)
    ]
    slots = {table: len(public.committed) + k for k, table in enumerate(public.lookups.used_tables())}
    opened += [witness.Claim(slots[own.tensor], own.form, own.value) for own in counts]
    witness.verify(transcript, public.stack, public.level, root, opened)
    transcript.finish()
    if claims.tensors:
        raise AssertionError(f"claims on {sorted(claims.tensors)} were never used")
    return Verified(whir.total_bits(public.terms), public.terms, transcript)


def absorb_statement(key: VerifyingKey, statement: Statement, transcript: Transcript) -> None:
    """Everything that is known before the first message."""
    transcript.absorb("verifying key", key.digest)
    transcript.absorb("batch", statement.batch.to_bytes(8, "little"))
    for label, tensors in (("public inputs", statement.inputs), ("public outputs", statement.outputs)):
        transcript.absorb(label, len(tensors).to_bytes(8, "little"))
        for entries in tensors:
            transcript.absorb(label, b"".join(entry.to_bytes(8, "little", signed=True) for entry in entries))


def constrained(circuit: Circuit, statement: Statement) -> list[tuple[int, list[int] | None]]:
    """Tensors that are zero, then public outputs with their entries."""
    zeros: list[tuple[int, list[int] | None]] = [(c.columns[0], None) for c in circuit.constraints if c.table is None]
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


def check_names(key: VerifyingKey, origin: Origin) -> None:
    """Whether the proof says that it is for this key."""
    if origin.circuit_digest != key.circuit_digest:
        raise Refused("the proof is for another circuit")
    if origin.model_identity != model.Layout.of(key.circuit.params).identity(key.model_root):
        raise Refused("the proof is for another model commitment")


def check_note(key: VerifyingKey, public: Public, verified: Verified, proof: Proof) -> None:
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
    expected = [(name, int(bits * 10)) for name, bits in [*public.terms, ("", verified.bits)]]
    if len(expected) != len(origin.security) or any(
        name != own or abs(tenths - stated) > 1
        for (name, tenths), (own, stated) in zip(expected, origin.security, strict=True)
    ):
        raise Refused("the note states another security level than the sizes give")
    if sum(count for _, count in origin.sizes) != len(proof.transcript):
        raise Refused("the sizes in the note do not add up")
