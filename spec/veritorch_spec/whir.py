"""WHIR: a multilinear polynomial over the base field, opened at one point, with unique decoding.

The protocol of p3-whir 0.8.0 with the parameters of docs/format.md, "WHIR", where every message and every seed of its transcript is
written down. [Arnon, Chiesa, Fenzi, Yogev 2024/1586]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import ceil, inf, log2

from blake3 import blake3

from .errors import Refused
from .field import Ext, P, eq, eq_table, powers, product, root_of_unity, total
from .keccak import keccak256
from .merkle import root_of
from .postcard import Malformed, Reader
from .transcript import Challenger, Transcript, words

FIRST_FOLD = 5
FOLD = 3
FIRST_LOG_INV_RATE = 1
LOG_INV_RATE = 3
FINAL_VARIABLES = 6
MIN_VARIABLES = 8
MAX_LOG_DOMAIN = 32


class TooSmall(Exception):
    """The field is too small for the security level at this size."""


# Parameters.


@dataclass(frozen=True)
class Level:
    """Bits asked of every term of the error, and how many of them work may supply."""

    bits: int
    grinding: int = 12


def miss(log_inv_rate: int) -> float:
    """``-log2`` of the probability that one query misses a word outside the radius of unique decoding."""
    return 1 - log2(1 + 2.0**-log_inv_rate)


def num_queries(level: Level, log_inv_rate: int) -> int:
    """Queries that show the level with the work."""
    return ceil(max(level.bits - level.grinding, 0) / miss(log_inv_rate))


@dataclass(frozen=True)
class Phase:
    """A codeword: the variables it has, the fold before it is queried, and what is asked of it."""

    variables: int
    fold: int
    log_inv_rate: int
    log_domain: int
    queries: int
    # Work before the queries, and in each round of the sumcheck that folds it.
    query_work: int
    fold_work: int

    @property
    def log_folded(self) -> int:
        """Logarithm of the number of rows: positions of the folded codeword."""
        return self.log_domain - self.fold

    @property
    def opened(self) -> int:
        """Rows that are opened; all of them if there are not more than queries."""
        return min(self.queries, 1 << self.log_folded)

    @property
    def drawn(self) -> int:
        """Indices that are drawn."""
        return self.queries if self.queries < 1 << self.log_folded else 0


@dataclass(frozen=True)
class Parameters:
    """Of one opening."""

    variables: int
    level: Level
    phases: list[Phase]
    final_variables: int
    final_work: int

    @staticmethod
    def of(field: type[Ext], variables: int, level: Level) -> Parameters:
        """For polynomials in this many variables."""
        if variables < MIN_VARIABLES:
            raise TooSmall(f"{variables} variables")
        folds, left = [FIRST_FOLD], variables - FIRST_FOLD
        while left > FINAL_VARIABLES:
            folds.append(FOLD)
            left -= FOLD
        bits = field.order_bits
        phases: list[Phase] = []
        size, rate, log_domain = variables, FIRST_LOG_INV_RATE, variables + FIRST_LOG_INV_RATE
        for number, fold in enumerate(folds):
            queries = num_queries(level, rate)
            error = queries * miss(rate)
            if number + 1 < len(folds):
                # The fresh claims of a round are weighted with powers of one challenge.
                error = min(error, bits - (log2(queries) + 1))
            proximity = min(bits - (size + rate), bits - 1)
            phases.append(
                Phase(
                    size,
                    fold,
                    rate,
                    log_domain,
                    queries,
                    query_work=ceil(max(0.0, level.bits - error)),
                    fold_work=max(0, level.bits - proximity),
                )
            )
            size -= fold
            log_domain -= rate + fold - LOG_INV_RATE
            rate = LOG_INV_RATE
        final_work = max(0, level.bits - (bits - 1))
        if phases[0].log_folded > MAX_LOG_DOMAIN:
            raise TooSmall("the domain is larger than the field's subgroup")
        if max([final_work, *(max(p.query_work, p.fold_work) for p in phases)]) > level.grinding:
            raise TooSmall("more work would be needed than is allowed")
        return Parameters(variables, level, phases, left, final_work)


# Seeds of the library's transcript.


@cache
def pattern_hash(lines: tuple[str, ...]) -> bytes:
    """The name of a sequence of steps."""
    width = len(str(max(len(lines) - 1, 0)))
    text = f"Plonky3 Fiat-Shamir Transcript ({len(lines)} interactions)\n"
    indent = 0
    for position, line in enumerate(lines):
        indent -= line.startswith("End")
        text += f"{position:0{width}d} " + "  " * indent + line + "\n"
        indent += line.startswith("Begin")
    return keccak256(text.encode())


def algebra(degree: int, basis: bytes) -> str:
    """The kind of a step that carries field elements."""
    return f"Algebra({P}^{degree};{keccak256(basis).hex()})"


def step(kind: str, label: str, length: str, carries: str, hierarchy: str = "Atomic") -> str:
    """One step of a pattern."""
    return f"{hierarchy} {kind} {len(label)} {label} {length} {carries}"


class Steps:
    """Builds the steps of one extension field."""

    def __init__(self, of: type[Ext]) -> None:
        self.element = algebra(of.degree, of.basis_id)
        self.base = algebra(1, b"p3-scalar-basis-v1")

    def message(self, label: str, length: str) -> str:
        """Elements that are sent."""
        return step("Message", label, length, self.element)

    def challenge(self, label: str) -> str:
        """An element that is drawn."""
        return step("Challenge", label, "Scalar", self.element)

    def work(self, label: str, bits: int) -> list[str]:
        """A proof of work, if one is asked for."""
        return [step("Pow", label, f"Fixed({bits})", self.base)] if bits else []

    def indices(self, label: str, phase: Phase) -> list[str]:
        """Indices, if any are drawn."""
        bits = f"UniformBits({phase.log_folded})"
        return [step("Challenge", label, f"Fixed({phase.drawn})", bits)] if phase.drawn else []

    @staticmethod
    def delegate(label: str) -> list[str]:
        """A sub-protocol with a seed of its own."""
        return [step("Protocol", label, "None", "Marker", hierarchy) for hierarchy in ("Begin", "End")]


def seed(challenger: Challenger, version: int, name: str, lines: Sequence[str], instance: Sequence[bytes]) -> None:
    """Absorbs the identity of a sub-protocol, its steps and its parameters."""
    identity = bytes([version]) + name.encode().ljust(62, b"\0") + bytes([len(name)])
    label = b"".join(len(chunk).to_bytes(4, "big") + chunk for chunk in instance)
    data = identity + pattern_hash(tuple(lines)) + len(label).to_bytes(4, "big") + label + b"\x80"
    challenger.observe([len(data), *words(data)])


def number(value: int) -> bytes:
    """Eight bytes, highest first."""
    return value.to_bytes(8, "big")


def layout(variables: int) -> list[bytes]:
    """One table of one column; selectors behind the variables; the first variables are bound first."""
    return [number(variables), b"\x01", b"\x00", number(1), number(variables), number(1)]


def instance(parameters: Parameters) -> list[bytes]:
    """What a run is bound to beside its steps."""
    phases = parameters.phases
    folds = [number(phase.fold) for phase in phases]
    return [
        number(parameters.variables),
        number(0),  # out-of-domain samples
        number(1),  # claims
        number(1 << FIRST_FOLD),
        number(parameters.level.bits),
        number(parameters.level.grinding),
        number(FIRST_LOG_INV_RATE),
        number(0),  # unique decoding
        number(2),  # folds are listed
        number(len(folds)),
        *folds,
        number(FIRST_FOLD),
        number(phases[0].fold_work),
        number(parameters.final_variables),
        number(parameters.final_work),
        number(len(phases) - 1),
        *(number(n) for phase in phases[1:] for n in (phase.log_inv_rate, phase.fold, phase.fold_work)),
    ]


def run_steps(steps: Steps, parameters: Parameters) -> list[str]:
    """The steps of a run."""
    lines = Steps.delegate("initial_fold")
    for phase in parameters.phases[:-1]:
        lines.append(step("Message", "commitment", "Scalar", "Opaque"))
        lines += steps.work("query_pow", phase.query_work)
        lines += steps.indices("query_indices", phase)
        lines.append(steps.challenge("round_batching"))
        lines += Steps.delegate("round_fold")
    last = parameters.phases[-1]
    lines.append(steps.message("final_poly", f"Fixed({1 << parameters.final_variables})"))
    lines += steps.work("final_query_pow", last.query_work)
    lines += steps.indices("final_query_indices", last)
    if parameters.final_variables:
        lines += Steps.delegate("final_fold")
    return lines


# The proof.


@dataclass(frozen=True)
class Sumcheck:
    """``h(0)`` and the leading coefficient of each round, and witnesses of work."""

    rounds: list[tuple[Ext, Ext]]
    work: list[int]


@dataclass(frozen=True)
class Openings:
    """Rows in the order of the indices, and the nodes of their paths."""

    base: bool
    rows: list[list[Ext]]
    encoded: list[bytes]
    nodes: list[bytes]


@dataclass(frozen=True)
class Round:
    """The messages of one round."""

    root: bytes
    work: int
    openings: Openings
    sumcheck: Sumcheck


@dataclass(frozen=True)
class WhirProof:
    """An embedded proof."""

    initial: Sumcheck
    rounds: list[Round]
    final_polynomial: list[Ext]
    final_work: int
    final_openings: Openings
    final_sumcheck: Sumcheck | None
    value: Ext


class ProofReader(Reader):
    """Reads an embedded proof; every count must be the one that the parameters ask for."""

    def __init__(self, data: bytes, of: type[Ext], parameters: Parameters) -> None:
        super().__init__(data)
        self.of = of
        self.parameters = parameters
        # Name, start and end of each part: for tests that change one.
        self.parts: list[tuple[str, int, int]] = []

    def part(self, name: str, start: int) -> None:
        """Notes where a part lies."""
        self.parts.append((name, start, self.at))

    def count(self, expected: int, what: str) -> None:
        """A number of values that is known."""
        if self.unsigned() != expected:
            raise Malformed(f"{what}: another number than {expected}")

    def sumcheck(self, name: str, rounds: int, work: int) -> Sumcheck:
        """Rounds and their witnesses."""
        self.count(rounds, name)
        start = self.at
        values = [(self.element(self.of), self.element(self.of)) for _ in range(rounds)]
        self.part(name, start)
        self.count(rounds if work else 0, f"{name} work")
        start = self.at
        witnesses = [self.base() for _ in range(rounds if work else 0)]
        if work:
            self.part(f"{name} work", start)
        return Sumcheck(values, witnesses)

    def openings(self, name: str, phase: Phase, base: bool) -> Openings:
        """Rows and nodes."""
        if self.variant(2) != (0 if base else 1):
            raise Malformed(f"{name}: rows of the other field")
        self.count(phase.opened, name)
        width = 1 << phase.fold
        rows, encoded = [], []
        first = self.at
        for _ in range(phase.opened):
            self.count(width, name)
            start = self.at
            if base:
                rows.append([self.of.of(self.base()) for _ in range(width)])
            else:
                rows.append([self.element(self.of) for _ in range(width)])
            encoded.append(self.data[start : self.at])
        self.part(f"{name} rows", first)
        count = self.unsigned()
        if count > phase.opened * phase.log_folded:
            raise Malformed(f"{name}: too many nodes")
        start = self.at
        nodes = [self.take(32) for _ in range(count)]
        self.part(f"{name} nodes", start)
        return Openings(base, rows, encoded, nodes)

    def work(self, name: str, bits: int) -> int:
        """A witness; zero where none is asked for."""
        start = self.at
        witness = self.base()
        self.part(name, start)
        if bits == 0 and witness:
            raise Malformed(f"{name}: work that nobody asked for")
        return witness

    def read(self) -> WhirProof:
        """The whole proof."""
        phases = self.parameters.phases
        self.count(0, "out-of-domain answers")
        initial = self.sumcheck("fold 0", phases[0].fold, phases[0].fold_work)
        self.count(len(phases) - 1, "rounds")
        rounds = []
        for number_, (phase, after) in enumerate(pairwise(phases)):
            if self.variant(2) != 1:
                raise Malformed("a root is missing")
            self.count(1, "root")
            start = self.at
            root = self.take(32)
            self.part(f"root {number_ + 1}", start)
            self.count(0, "out-of-domain answers")
            witness = self.work(f"query work {number_}", phase.query_work)
            openings = self.openings(f"query {number_}", phase, number_ == 0)
            rounds.append(
                Round(root, witness, openings, self.sumcheck(f"fold {number_ + 1}", after.fold, after.fold_work))
            )
        if self.variant(2) != 1:
            raise Malformed("the final polynomial is missing")
        length = 1 << self.parameters.final_variables
        self.count(length, "final polynomial")
        start = self.at
        polynomial = [self.element(self.of) for _ in range(length)]
        self.part("final polynomial", start)
        last = len(phases) - 1
        work = self.work(f"query work {last}", phases[-1].query_work)
        openings = self.openings(f"query {last}", phases[-1], last == 0)
        sumcheck = None
        if self.variant(2) != (1 if self.parameters.final_variables else 0):
            raise Malformed("final sumcheck")
        if self.parameters.final_variables:
            sumcheck = self.sumcheck("final fold", self.parameters.final_variables, self.parameters.final_work)
        self.count(1, "evaluations")
        self.count(1, "evaluations")
        start = self.at
        value = self.element(self.of)
        self.part("evaluation", start)
        self.count(0, "evaluations")
        self.end()
        return WhirProof(initial, rounds, polynomial, work, openings, sumcheck, value)


# Verification.


def fold_rounds(
    challenger: Challenger, of: type[Ext], sumcheck: Sumcheck, work: int, claim: Ext
) -> tuple[list[Ext], Ext]:
    """A run of rounds of a quadratic sumcheck, under a seed of its own."""
    if not sumcheck.rounds:
        return [], claim
    steps = Steps(of)
    one = [steps.message("round_poly", "Fixed(2)"), *steps.work("round_pow", work), steps.challenge("round_challenge")]
    seed(challenger, 1, "p3-sumcheck-quadratic", one * len(sumcheck.rounds), [b"\x00"])
    point = []
    for number_, (at_zero, slope) in enumerate(sumcheck.rounds):
        challenger.observe_elements([at_zero, slope])
        if work and not challenger.check_work(work, sumcheck.work[number_]):
            raise Refused("WHIR: work of a fold")
        r = challenger.sample_element(of)
        at_one = claim - at_zero
        claim = at_zero + (at_one - at_zero - slope) * r + slope * (r * r)
        point.append(r)
    return point, claim


def leaf(row: bytes) -> bytes:
    """A row's hash."""
    return blake3(row).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two hashes."""
    return blake3(left + right).digest()


def open_rows(
    challenger: Challenger, of: type[Ext], phase: Phase, root: bytes, openings: Openings, witness: int, point: list[Ext]
) -> list[tuple[int, Ext]]:
    """Draws positions; returns each with the folded row that the root holds there."""
    if not challenger.check_work(phase.query_work, witness):
        raise Refused("WHIR: work of a query")
    if phase.drawn:
        indices = [challenger.sample_bits(phase.log_folded) for _ in range(phase.drawn)]
    else:
        indices = list(range(1 << phase.log_folded))
    leaves: dict[int, bytes] = {}
    for index, row in zip(indices, openings.encoded, strict=True):
        if leaves.setdefault(index, leaf(row)) != leaf(row):
            raise Refused("WHIR: one position, two rows")
    if root_of(phase.log_folded, leaves, openings.nodes, node) != root:
        raise Refused("WHIR: paths do not lead to the root")
    weights = eq_table(of, point)
    generator = root_of_unity(phase.log_folded)
    return [
        (pow(generator, index, P), total(of, (cell * w for cell, w in zip(row, weights, strict=True))))
        for index, row in zip(indices, openings.rows, strict=True)
    ]


def select(of: type[Ext], x: int, point: Sequence[Ext]) -> Ext:
    """``prod_i (1 - r_i + r_i x^(2^(n-1-i)))``: the weights of the evaluation at `x` as of a univariate polynomial."""
    factors = []
    for r in reversed(point):
        factors.append(r * (x - 1) + 1)
        x = x * x % P
    return product(of, factors)


def check(
    challenger: Challenger, of: type[Ext], parameters: Parameters, root: bytes, proof: WhirProof, point: list[Ext]
) -> None:
    """Whether the polynomial under `root` has the value of the proof at `point`."""
    steps = Steps(of)
    variables, phases = parameters.variables, parameters.phases
    # The claim.
    seed(
        challenger,
        1,
        "p3-sumcheck-layout-opening",
        [steps.message("current_evals", "Fixed(1)")],
        [*layout(variables), number(0), number(variables), number(1), number(0), number(0)],
    )
    challenger.observe_elements([proof.value])
    # The run.
    seed(challenger, 3, "p3-whir", run_steps(steps, parameters), instance(parameters))
    seed(
        challenger,
        1,
        "p3-sumcheck-layout-batching",
        [steps.challenge("batching")],
        [*layout(variables), number(1), number(0)],
    )
    challenger.sample_element(of)  # weights the claims; there is one
    folded, claim = fold_rounds(challenger, of, proof.initial, phases[0].fold_work, proof.value)
    everything = list(folded)
    selected: list[tuple[Ext, list[int], int]] = []
    for round_, phase, after in zip(proof.rounds, phases, phases[1:], strict=False):
        challenger.observe_bytes(round_.root)
        queried = open_rows(challenger, of, phase, root, round_.openings, round_.work, folded)
        gamma = challenger.sample_element(of)
        weights = powers(gamma, len(queried) + 1)[1:]
        claim = claim + total(of, (value * w for (_, value), w in zip(queried, weights, strict=True)))
        selected.append((gamma, [x for x, _ in queried], after.variables))
        folded, claim = fold_rounds(challenger, of, round_.sumcheck, after.fold_work, claim)
        everything += folded
        root = round_.root
    challenger.observe_elements(proof.final_polynomial)
    queried = open_rows(challenger, of, phases[-1], root, proof.final_openings, proof.final_work, folded)
    for x, value in queried:
        at = of.of(0)
        for coefficient in reversed(proof.final_polynomial):
            at = at * x + coefficient
        if at != value:
            raise Refused("WHIR: a row is not that of the final polynomial")
    tail: list[Ext] = []
    if proof.final_sumcheck is not None:
        tail, claim = fold_rounds(challenger, of, proof.final_sumcheck, parameters.final_work, claim)
        everything += tail
    weight = eq(of, point, everything)
    for gamma, positions, size in selected:
        local = everything[variables - size :]
        scale = powers(gamma, len(positions) + 1)[1:]
        weight = weight + total(of, (select(of, x, local) * w for x, w in zip(positions, scale, strict=True)))
    final = total(of, (c * w for c, w in zip(proof.final_polynomial, eq_table(of, tail), strict=True)))
    if claim != weight * final:
        raise Refused("WHIR: the last claim")


def verify(transcript: Transcript, label: str, level: Level, root: bytes, point: list[Ext], value: Ext) -> None:
    """Reads an embedded proof and checks that the polynomial under `root` has `value` at `point`."""
    of = transcript.field
    parameters = Parameters.of(of, len(point), level)
    data = transcript.receive_embedded(label)
    reader = ProofReader(data, of, parameters)
    try:
        proof = reader.read()
    except Malformed as error:
        raise Refused(f"`{label}`: {error}") from error
    transcript.split_last(label, reader.parts)
    check(transcript.challenger, of, parameters, root, proof, point)
    if proof.value != value:
        raise Refused(f"`{label}`: it opens another value")


# The error.


def security_terms(of: type[Ext], parameters: Parameters) -> list[tuple[str, float]]:
    """``-log2`` of each term."""
    bits, excess = of.order_bits, of.order_bits - of.claimed_bits
    terms: list[tuple[str, float]] = []
    for number_, phase in enumerate(parameters.phases):
        union = log2(phase.fold) + excess - phase.fold_work
        proximity = bits - (phase.variables + phase.log_inv_rate)
        terms.append((f"WHIR phase {number_}: proximity of {phase.fold} folds", proximity - union))
        terms.append((f"WHIR phase {number_}: sumcheck of {phase.fold} folds", bits - 1 - union))
    for number_, phase in enumerate(parameters.phases[:-1]):
        work = phase.query_work
        name = f"WHIR phase {number_}: {phase.queries} queries and {work} bits of work"
        terms.append((name, phase.queries * miss(phase.log_inv_rate) + work))
        combination = bits - (log2(phase.queries) + 1)
        terms.append((f"WHIR phase {number_}: combination of queries", combination + work - excess))
    last = parameters.phases[-1]
    terms.append(
        (
            f"WHIR final: {last.queries} queries and {last.query_work} bits of work",
            last.queries * miss(last.log_inv_rate) + last.query_work,
        )
    )
    if parameters.final_variables:
        rounds = of.claimed_bits - log2(2 * parameters.final_variables)
        terms.append(("WHIR final: sumcheck", rounds + parameters.final_work))
    return terms


def total_bits(terms: Sequence[tuple[str, float]]) -> float:
    """``-log2`` of the sum of the terms' probabilities."""
    return -log2(sum(2.0**-bits for _, bits in terms)) if terms else inf
