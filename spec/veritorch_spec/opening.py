"""The opening of all that a proof has committed (docs/protocol.md, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from . import columns, sumcheck, whir
from .field import Ext, P, dot, eq, eq_table, log_padded, powers, total
from .forms import Factor, Form
from .products import PadLayout
from .stack import RowCode, Stack, Weighted
from .transcript import Transcript, Value

MIN_LOG_CELLS = 9
MAX_LOG_CELLS = 24
# Labels of the columns of the two stacks.
COLUMNS = ("witness columns", "combination columns")


@dataclass(frozen=True)
class Claim:
    """``sum <form, T> = value`` over tensors by stack and number; stack 0 is the witness, 1 has the model's combined row."""

    terms: list[tuple[int, int, Form]]
    value: Value


@dataclass(frozen=True)
class Relations:
    """What an opening shows: claims, and values that are zero; the tensor of pads in the first stack, if there are any."""

    claims: list[Claim]
    checks: list[tuple[str, Value]]
    pads: tuple[int, PadLayout] | None


def basis(of: type[Ext]) -> list[Ext]:
    """What puts the coefficients of an element together."""
    return [of.basis(d) for d in range(of.degree)]


@dataclass(frozen=True)
class Opening:
    """The scheme for stacks of given shapes."""

    field: type[Ext]
    stacks: list[Stack]
    code: RowCode
    hidden: bool
    level: whir.Level

    @staticmethod
    def of(field: type[Ext], shapes: Sequence[Sequence[Sequence[int]]], hidden: bool, level: whir.Level) -> Opening:
        """With the cheapest rows: columns in bytes against cells of the combined row."""
        stacks = [Stack.of(own) for own in shapes]
        bits = max(level.bits - level.grinding, 0)

        def cost(log_cells: int) -> int:
            code = RowCode.once(log_cells, hidden, bits)
            rows = sum(code.num_rows(stack.cells) for stack in stacks) + (3 * field.degree if hidden else 0)
            return 8 * code.queries * rows + (1 << log_cells)

        log_cells = min(range(MIN_LOG_CELLS, MAX_LOG_CELLS + 1), key=cost)
        return Opening(field, stacks, RowCode.once(log_cells, hidden, bits), hidden, level)

    def data_rows(self, stack: int) -> int:
        """Rows of a stack, without masks."""
        return self.code.num_rows(self.stacks[stack].cells)

    @property
    def tested(self) -> int:
        """Rows that are tested for proximity: those of all stacks, and two masks."""
        return sum(self.data_rows(stack) for stack in range(len(self.stacks))) + (2 if self.hidden else 0)

    @property
    def inner(self) -> Stack:
        """The combined row by its coefficients."""
        return Stack.of([[self.field.degree, 1 << self.code.log_cells]])

    def verify(self, transcript: Transcript, roots: Sequence[bytes], relations: Relations) -> None:
        """Checks the relations."""
        of, code = self.field, self.code
        sum_, forms = self.merge(transcript, relations)
        masks: list[tuple[Ext, list[Ext]]] = []
        if self.hidden:
            points = [transcript.challenges("mask point", code.log_cells) for _ in range(2)]
            (masked,) = transcript.receive_clear("mask sum", 1)
            rho = transcript.challenge("mask sum")
            sum_ = sum_ + rho * masked
            masks = [(rho, point) for point in points]
        reduced = sumcheck.verify(transcript, "opening sumcheck", [(code.log_cells, 2)], [transcript.public(sum_)])
        assert not reduced.left.hidden
        # What is left speaks of one combination of rows, with these weights.
        by_stack = [
            stack.rows(of, own, self.data_rows(number), reduced.point)
            for number, (stack, own) in enumerate(zip(self.stacks, forms, strict=True))
        ]
        by_mask = [rho * eq(of, point, reduced.point) for rho, point in masks]

        gamma = transcript.challenges("opening proximity", log_padded(self.tested))
        tested = eq_table(of, gamma)[: self.tested]
        if self.hidden:
            zeta = transcript.challenge("opening proximity")
            tested = [weight * zeta for weight in tested]
        (u,) = transcript.receive_clear("opening proximity", 1)
        epsilon = transcript.challenge("opening combination")
        rest = iter(tested)
        coefficients = [[weight + epsilon * next(rest) for weight in rows] for rows in by_stack]
        if self.hidden:
            # The masks' rows, by their coefficients, stand behind those of the first stack.
            weights = [*(weight + epsilon * next(rest) for weight in by_mask), epsilon]
            coefficients[0] += [weight * limb for weight in weights for limb in basis(of)]
        root = transcript.receive_bytes("opening combination", 32)
        tail = transcript.receive_clear("opening tail", code.tail)

        transcript.check_grinding("opening combination", self.level.grinding)
        indices = columns.draw(transcript, "opening combination", code.queries, code.log_domain)
        sums = [of.of(0)] * len(indices)
        salt = columns.SALT if self.hidden else 0
        for own_root, label, scale in zip(roots, COLUMNS, coefficients, strict=False):
            read = columns.receive(transcript, label, own_root, len(scale), salt, code.log_domain, indices)
            for k, column in enumerate(read):
                sums[k] = sums[k] + dot(of, column, scale)

        claims = [(Factor(point=reduced.point), reduced.left.constant + epsilon * u)]
        for y, value in zip(columns.points(code.log_domain, indices), sums, strict=True):
            behind = of.of(0)
            for cell in reversed(tail):
                behind = behind * y + cell
            claims.append((Factor(base=y), value - behind * pow(y, 1 << code.log_cells, P)))
        self.verify_inner(transcript, root, claims)

    def merge(self, transcript: Transcript, relations: Relations) -> tuple[Ext, list[list[Weighted]]]:
        """All relations by the powers of one challenge: what the sum is, and the weighted forms on each stack."""
        of = self.field
        weights = powers(transcript.challenge("opening merge"), len(relations.claims) + len(relations.checks))
        forms: list[list[Weighted]] = [[] for _ in self.stacks]
        sum_ = of.of(0)
        hidden: dict[int, Ext] = {}
        signed = [(claim.value, of.of(-1)) for claim in relations.claims] + [(v, of.of(1)) for _, v in relations.checks]
        for weight, (value, sign) in zip(weights, signed, strict=True):
            sum_ = sum_ - sign * weight * value.constant
            for key, coefficient in value.hidden.items():
                assert relations.pads is not None
                position = relations.pads[1].position(key)
                hidden[position] = hidden.get(position, of.of(0)) + sign * weight * coefficient
        for weight, claim in zip(weights, relations.claims, strict=False):
            for stack, tensor, form in claim.terms:
                forms[stack].append((tensor, weight, form))
        if relations.pads is not None:
            tensor, layout = relations.pads
            vector = [hidden.get(position, of.of(0)) for position in range(layout.length)]
            form = Form([(1, Factor(entries=basis(of))), (1, Factor(entries=vector))])
            forms[0].append((tensor, of.of(1), form))
        return sum_, forms

    def verify_inner(self, transcript: Transcript, root: bytes, claims: list[tuple[Factor, Ext]]) -> None:
        """Claims on the combined row, which is committed as it is."""
        of = self.field
        weights = powers(transcript.challenge("combination merge"), len(claims))
        value = total(of, (weight * value for weight, (_, value) in zip(weights, claims, strict=True)))
        label = "combination sumcheck"
        reduced = sumcheck.verify(transcript, label, [(self.inner.variables, 2)], [transcript.public(value)])
        (end,) = transcript.receive_clear("combination value", 1)
        forms = [
            (0, weight, Form([(1, Factor(entries=basis(of))), (1, vector)]))
            for weight, (vector, _) in zip(weights, claims, strict=True)
        ]
        (kernel,) = self.inner.rows(of, forms, 1, reduced.point)
        transcript.check_zero(label, reduced.left - transcript.public(kernel * end))
        whir.verify(transcript, "combination opening", self.level, root, reduced.point, end)

    def security_terms(self, num_claims: int) -> list[tuple[str, float]]:
        """``-log2`` of each term of an opening of at most this many claims and checks."""
        of, code, variables = self.field, self.code, self.inner.variables

        def field(ways: int) -> float:
            return of.claimed_bits - log2(max(ways, 1))

        work = f"{self.level.grinding} bits of work"
        return [
            (f"opening: merging of {num_claims} claims", field(num_claims)),
            (f"opening: sumcheck over {code.log_cells} variables", field(2 * code.log_cells + 1)),
            (f"opening: proximity of {self.tested} rows", field(log_padded(self.tested) + 2) - code.log_domain),
            ("opening: merging of the combined row", field(2)),
            (f"opening: {code.queries} columns and {work}", code.query_bits + self.level.grinding),
            (f"combined row: sumcheck over {variables} variables", field(2 * variables)),
            (f"combined row: merging of {code.queries + 1} claims", field(code.queries + 1)),
            *whir.security_terms(of, whir.Parameters.of(of, variables, self.level)),
        ]
