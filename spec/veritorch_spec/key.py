"""The files ``.vk`` and ``.proof`` and what is in them (docs/format.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2

from blake3 import blake3

from .check import check
from .circuit import (
    AxisFactor,
    AxisMap,
    Circuit,
    Constraint,
    Link,
    Op,
    Param,
    Policy,
    Port,
    Table,
    Tensor,
    Term,
)
from .errors import BadKey, Refused
from .model import Layout
from .postcard import Malformed, Reader
from .renewal import check_chain
from .segments import Part, divide, frames, margin
from .whir import Level, total_bits

MAGIC = b"\x95vtorch\n"
VERSION = 4
# Kind in the header, numbers of sections.
VERIFIER_KEY = (2, (1, 2))
PROOF = (3, (2,))


def sections(data: bytes, kind: tuple[int, tuple[int, ...]]) -> list[bytes]:
    """Splits a file; ``Malformed`` if the header or a checksum is wrong."""
    reader = Reader(data)
    tag, counts = kind
    if reader.take(8) != MAGIC:
        raise Malformed("not one of these files")
    if int.from_bytes(reader.take(2), "little") != VERSION:
        raise Malformed("another version")
    found, count = reader.take(2)
    if found != tag or count not in counts:
        raise Malformed("another kind of file")
    table = [(int.from_bytes(reader.take(8), "little"), reader.take(32)) for _ in range(count)]
    covered = reader.at
    if reader.take(32) != blake3(data[:covered]).digest():
        raise Malformed("the header's checksum does not match")
    bodies = [reader.take(length) for length, _ in table]
    reader.end()
    for body, (_, checksum) in zip(bodies, table, strict=True):
        if blake3(body).digest() != checksum:
            raise Malformed("a section's checksum does not match")
    return bodies


def assemble(kind: tuple[int, tuple[int, ...]], bodies: list[bytes]) -> bytes:
    """The file with these sections."""
    header = MAGIC + VERSION.to_bytes(2, "little") + bytes([kind[0], len(bodies)])
    for body in bodies:
        header += len(body).to_bytes(8, "little") + blake3(body).digest()
    return header + blake3(header).digest() + b"".join(bodies)


@dataclass(frozen=True)
class VerifyingKey:
    """What a verifier has."""

    circuit: Circuit
    model_root: bytes
    # 0: at least 100 bits; 1: the cubic extension and at least 128 bits.
    profile: int
    # Proofs that the masks of the model commitment cover; 0 if nothing masks it.
    lifetime: int
    digest: bytes
    circuit_digest: bytes
    layout: Layout
    # Of the first table of the model, which names it; and what the renewals since then add to reports.
    identity: bytes
    renewals: list[tuple[str, float]]
    # Keys of the segments, if there are any, with where their inputs come from.
    parts: list[tuple[VerifyingKey, Part]]
    # Bits by which a proof has to be better, in the key of a segment.
    margin: int = 0

    @property
    def target_bits(self) -> int:
        """The level below which nothing is accepted."""
        return (100, 128)[self.profile]

    @property
    def level(self) -> Level:
        """What each commitment is asked for."""
        return self.level_with(self.margin)

    def level_with(self, margin: int) -> Level:
        """The same for another margin."""
        return Level(self.target_bits + 4 + margin)

    @staticmethod
    def parse(data: bytes) -> VerifyingKey:
        """Of a ``.vk`` file; ``BadKey`` if it is not one."""
        try:
            body, *rest = sections(data, VERIFIER_KEY)
            reader = Reader(body)
            circuit = read_circuit(reader)
            encoded = body[: reader.at]
            root = reader.take(32)
            profile = reader.variant(2)
            lifetime = reader.unsigned()
            starts = reader.sequence(lambda: (reader.unsigned(32), reader.take(32)))
            reader.end()
            links = [link for chain in rest for link in read_chain(chain)]
        except Malformed as error:
            raise BadKey(f"verifier's key: {error}") from error
        check(circuit)
        if circuit.policy.public_weights != (lifetime == 0):
            raise BadKey("weights are masked though public, or private without masks")
        # One opening more is kept for the renewal of the commitment.
        openings = lifetime + 1 if lifetime else 0
        target = (100, 128)[profile]
        layout = Layout.of(circuit.params, openings, Level(target + 4))
        digest = derive("veritorch 2026 verifying key digest v1", body)
        key = VerifyingKey(
            circuit,
            root,
            profile,
            lifetime,
            digest,
            circuit_digest=derive("veritorch 2026 circuit digest v1", encoded),
            layout=layout,
            identity=layout.identity(links[0][0] if links else root),
            renewals=[],
            parts=[],
        )
        if starts:
            return key.with_segments(starts, links)
        bits = check_chain(layout, key.level, links, root)
        return replace(key, renewals=renewal_term(len(links), bits))

    def with_segments(self, starts: list[tuple[int, bytes]], links: list[tuple[bytes, bytes]]) -> VerifyingKey:
        """With the keys of its segments and their own chains checked."""
        if self.model_root != root_of(starts):
            raise BadKey("the model's root is not that of the segments")
        divided = divide(self.circuit, [start for start, _ in starts])
        bits = margin(len(starts))
        openings = self.lifetime + 1 if self.lifetime else 0
        parts = []
        for number, (part, (_, root)) in enumerate(zip(divided, starts, strict=True)):
            check(part.circuit)
            layout = Layout.of(part.circuit.params, openings, self.level_with(bits))
            digest = derive("veritorch 2026 segment digest v1", self.digest + number.to_bytes(8, "little"))
            own = replace(self, circuit=part.circuit, model_root=root, digest=digest, layout=layout, margin=bits)
            parts.append((own, part))
        chains: list[list[tuple[bytes, bytes]]] = [[] for _ in parts]
        for earlier, proof in links:
            framed = frames(proof, [1] * len(parts), BadKey)
            if root_of([(start, roots[0]) for (start, _), (roots, _) in zip(starts, framed, strict=True)]) != earlier:
                raise BadKey("a renewal's root is not that of the segments' earlier tables")
            for chain, (roots, own_proof) in zip(chains, framed, strict=True):
                chain.append((roots[0], own_proof))
        renewals, identities = [], []
        for (own, _), chain in zip(parts, chains, strict=True):
            renewals.append(check_chain(own.layout, own.level, chain, own.model_root))
            identities.append(own.layout.identity(chain[0][0] if chain else own.model_root))
        return replace(
            self,
            identity=derive("veritorch 2026 identity of a model in segments v1", b"".join(identities)),
            renewals=renewal_term(len(links), total_bits([("", own) for own in renewals])) if links else [],
            parts=parts,
        )


def root_of(starts: list[tuple[int, bytes]]) -> bytes:
    """What stands for the roots of all segments."""
    data = b"".join(start.to_bytes(4, "little") + root for start, root in starts)
    return derive("veritorch 2026 root of a model in segments v1", data)


def renewal_term(count: int, bits: float) -> list[tuple[str, float]]:
    """What renewals add to reports."""
    plural = "" if count == 1 else "s"
    return [(f"model: {count} renewal{plural}", bits - log2(count))] if count else []


def read_chain(data: bytes) -> list[tuple[bytes, bytes]]:
    """Earlier roots, each with the proof of the renewal after it."""
    reader = Reader(data)
    links = reader.sequence(lambda: (reader.take(32), reader.raw()))
    reader.end()
    if not links:
        raise Malformed("an empty chain")
    return links


def derive(context: str, data: bytes) -> bytes:
    """BLAKE3's key derivation as a hash with a domain of its own."""
    return blake3(data, derive_key_context=context).digest()


@dataclass(frozen=True)
class TensorCommitment:
    """A commitment to an input or an output."""

    root: bytes
    num_planes: int
    num_openings: int
    margin: int


@dataclass(frozen=True)
class Statement:
    """What is proved, beside the key."""

    batch: int
    inputs: list[list[int]]
    outputs: list[list[int]]
    commitments: list[TensorCommitment]


@dataclass(frozen=True)
class Origin:
    """The note that a proof carries about where it comes from."""

    model: str
    circuit_digest: bytes
    model_identity: bytes
    profile: int
    policy: Policy
    shown: list[list[tuple[str, list[int], list[float]]]]
    security: list[tuple[str, int]]
    sizes: list[tuple[str, int]]


@dataclass(frozen=True)
class Proof:
    """A ``.proof`` file."""

    origin: Origin
    statement: Statement
    transcript: bytes

    @staticmethod
    def parse(data: bytes) -> Proof:
        """Of a ``.proof`` file; ``Refused`` if it is not one."""
        try:
            note, body = sections(data, PROOF)
            reader = Reader(note)
            origin = read_origin(reader)
            reader.end()
            reader = Reader(body)
            tensor = lambda: reader.sequence(reader.signed)  # noqa: E731
            commitment = lambda: TensorCommitment(reader.take(32), *(reader.unsigned() for _ in range(3)))  # noqa: E731
            values = reader.unsigned(), reader.sequence(tensor), reader.sequence(tensor)
            statement = Statement(*values, reader.sequence(commitment))
            transcript = reader.raw()
            reader.end()
        except Malformed as error:
            raise Refused(f"proof file: {error}") from error
        return Proof(origin, statement, transcript)


def read_origin(r: Reader) -> Origin:
    """The note."""
    port = lambda: (r.text(), r.sequence(r.unsigned), r.sequence(r.double))  # noqa: E731
    return Origin(
        model=r.text(),
        circuit_digest=r.take(32),
        model_identity=r.take(32),
        profile=r.variant(2),
        policy=read_policy(r),
        shown=[r.sequence(port) for _ in range(2)],
        security=r.sequence(lambda: (r.text(), r.unsigned(32))),
        sizes=r.sequence(lambda: (r.text(), r.unsigned())),
    )


def read_policy(r: Reader) -> Policy:
    """Who sees inputs, outputs and weights: 0 for everybody, 2 for a commitment to them."""
    inputs, outputs, weights = r.variant(3), r.variant(3), r.variant(2)
    return Policy(inputs == 0, outputs == 0, weights == 0, committed_input=inputs == 2, committed_output=outputs == 2)


def read_circuit(r: Reader) -> Circuit:
    """The circuit for one sample."""
    return Circuit(
        name=r.text(),
        tensors=r.sequence(lambda: read_tensor(r)),
        tables=r.sequence(lambda: read_table(r)),
        params=r.sequence(lambda: Param(r.text(), [r.unsigned() for _ in range(3)], r.unsigned())),
        constraints=r.sequence(lambda: read_constraint(r)),
        inputs=r.sequence(lambda: read_port(r)),
        outputs=r.sequence(lambda: read_port(r)),
        policy=read_policy(r),
        batch=r.unsigned(),
    )


def read_tensor(r: Reader) -> Tensor:
    """A tensor with what defines it."""
    return Tensor(r.text(), r.sequence(r.unsigned), read_op(r), r.signed(), r.signed(), r.text())


def read_op(r: Reader) -> Op:
    """An operator."""
    kind = r.variant(16)

    def pair() -> list[int]:
        return [r.unsigned(), r.unsigned()]

    match kind:
        case 0:
            return Op("Input", index=r.unsigned())
        case 1:
            return Op("Weight", index=r.unsigned())
        case 2:
            return Op(
                "Linear",
                terms=r.sequence(lambda: Term(r.unsigned(32), r.signed(), r.sequence(lambda: read_link(r)))),
                constant=r.sequence(lambda: (r.signed(), r.sequence(lambda: read_factor(r)))),
            )
        case 3:
            return Op(
                "Conv",
                operands=[r.unsigned(32), r.unsigned(32)],
                kernel=pair(),
                strides=pair(),
                dilations=pair(),
                pads=pair(),
                groups=r.unsigned(),
            )
        case 4 | 5 | 6:
            return Op(("Dense", "MatMul", "Mul")[kind - 4], operands=[r.unsigned(32), r.unsigned(32)])
        case 7:
            return Op("Reshape", operands=[r.unsigned(32)])
        case 8 | 9 | 10:
            return Op(("FloorShift", "Lookup", "Reciprocal")[kind - 8], operands=[r.unsigned(32)], index=r.unsigned(32))
        case 11:
            return Op("SquareRoot", operands=[r.unsigned(32)])
        case 12 | 13:
            return Op(("Divide", "Gather")[kind - 12], operands=[r.unsigned(32), r.unsigned(32)])
        case 14:
            return Op("Noise", operands=[r.unsigned(32)], index=r.unsigned(32))
        case _:
            return Op("Largest", operands=[r.unsigned(32)], index=r.unsigned())


def read_link(r: Reader) -> Link:
    """What happens to an axis."""
    match r.variant(3):
        case 0:
            return Link(r.unsigned(), r.unsigned(), read_map(r))
        case 1:
            return Link(None, r.unsigned(), None)
        case _:
            return Link(r.unsigned(), None, None)


def read_map(r: Reader) -> AxisMap:
    """A map along one axis."""
    match r.variant(6):
        case 0:
            return AxisMap("Identity")
        case 1:
            return AxisMap("Strided", [r.signed(), r.signed()])
        case 2:
            return AxisMap("Diagonal", r.sequence(r.signed))
        case 3:
            return AxisMap("Dilate", [r.unsigned(), r.unsigned()])
        case 4:
            return AxisMap("Window", [r.unsigned() for _ in range(4)])
        case _:
            return AxisMap("Gather", r.sequence(lambda: r.unsigned(32)))


def read_factor(r: Reader) -> AxisFactor:
    """One axis of a constant."""
    match r.variant(3):
        case 0:
            return AxisFactor("Ones")
        case 1:
            return AxisFactor("Interval", [r.unsigned(), r.unsigned()])
        case _:
            return AxisFactor("Values", r.sequence(r.signed))


def read_table(r: Reader) -> Table:
    """A lookup table."""
    kind = r.variant(3)
    if kind == 0:
        return Table(r.signed(), r.unsigned(32), None)
    if kind == 2:
        tensor = r.unsigned(32)
        return Table(0, r.unsigned(32), None, tensor)
    least = r.signed()
    values = r.sequence(lambda: r.signed(32))
    r.text()
    return Table(least, None, values)


def read_constraint(r: Reader) -> Constraint:
    """A lookup, or a tensor of zeros."""
    if r.variant(2) == 0:
        return Constraint(r.unsigned(32), r.sequence(lambda: r.unsigned(32)))
    return Constraint(None, [r.unsigned(32)])


def read_port(r: Reader) -> Port:
    """An input or output of the model."""
    return Port(r.text(), r.unsigned(32), r.sequence(r.unsigned), r.sequence(r.double))
