"""Renewals of the model commitment: a new table that holds the weights of an old one (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log2

from . import columns, whir
from .errors import BadKey, Refused
from .field import E3, P, dot, eq_table, log_padded
from .forms import Factor, Form
from .model import Layout
from .opening import Claim, Opening, Relations, basis
from .transcript import Transcript

DOMAIN = "veritorch 2026 renewal v1"
MAX_RENEWALS = 1 << 10
# Of every term of a renewal, beyond those of a proof.
EXTRA_BITS = 6


@dataclass(frozen=True)
class Renewal:
    """The scheme for tables of one layout."""

    layout: Layout
    level: whir.Level
    opening: Opening
    # Of one renewal.
    bits: float

    @staticmethod
    def of(layout: Layout, proofs: whir.Level) -> Renewal:
        """Over the cubic field, with more work than proofs of this level."""
        if not layout.num_masks:
            raise BadKey("renewals of weights that nothing masks")
        level = whir.Level(proofs.bits + EXTRA_BITS, proofs.grinding + EXTRA_BITS)
        shapes = [[E3.degree, length] for length in (1 << layout.log_columns, layout.num_masks, layout.num_masks)]
        try:
            opening = Opening.of(E3, [shapes], True, level)
            bits = whir.total_bits(security_terms(layout, level, opening))
        except whir.TooSmall as error:
            raise BadKey("the field is too small for renewals") from error
        return Renewal(layout, level, opening, bits)

    def verify(self, old: bytes, new: bytes, proof: bytes) -> None:
        """Checks one link between two roots; ``Refused`` with the check that failed."""
        layout, of = self.layout, self.opening.field
        transcript = Transcript(DOMAIN, proof, of)
        for label, root in (("old table", old), ("new table", new)):
            transcript.absorb(label, layout.identity(root))
        # By `weights` the difference of the tables, by `tested` their rows, those of the old one first.
        weights = eq_table(of, transcript.challenges("renewal difference", log_padded(layout.num_rows)))
        tested = eq_table(of, transcript.challenges("renewal proximity", log_padded(2 * layout.num_rows)))
        rows = layout.num_rows
        combinations = transcript.receive_bytes("renewal combinations", 32)

        transcript.check_grinding("renewal combinations", self.level.grinding)
        log_domain = layout.code.log_domain
        indices = columns.draw(transcript, "renewal combinations", layout.code.queries, log_domain)
        read = [
            columns.receive(transcript, label, root, rows, columns.SALT, log_domain, indices)
            for label, root in (("old columns", old), ("new columns", new))
        ]

        def term(tensor: int, scale: int, y: int) -> tuple[int, int, Form]:
            return 0, tensor, Form([(1, Factor(entries=[limb * scale for limb in basis(of)])), (1, Factor(base=y))])

        claims = []
        for y, before, after in zip(columns.points(log_domain, indices), *read, strict=True):
            shift = pow(y, 1 << layout.log_columns, P)
            combined = dot(of, before, tested[:rows]) + dot(of, after, tested[rows : 2 * rows])
            difference = dot(of, before, weights[:rows]) - dot(of, after, weights[:rows])
            claims.append(Claim([term(0, 1, y), term(1, shift, y)], transcript.public(combined)))
            claims.append(Claim([term(2, shift, y)], transcript.public(difference)))
        self.opening.verify(transcript, [combinations], Relations(claims, transcript.recorded, None))
        transcript.finish()


def security_terms(layout: Layout, level: whir.Level, opening: Opening) -> list[tuple[str, float]]:
    """``-log2`` of each term of one renewal."""

    def field(ways: int) -> float:
        return opening.field.claimed_bits - log2(max(ways, 1))

    rows, code = layout.num_rows, layout.code
    return [
        (f"proximity of {2 * rows} rows", field(log_padded(2 * rows) + 1) - code.log_domain),
        ("difference of the tables", field(log_padded(rows))),
        (f"{code.queries} columns and {level.grinding} bits of work", code.query_bits + level.grinding),
        *opening.security_terms(2 * code.queries),
    ]


def check_chain(layout: Layout, level: whir.Level, links: Sequence[tuple[bytes, bytes]], root: bytes) -> float:
    """Checks that each table of a chain, the key's own last, holds the weights of the one before; what one link is worth."""
    if not links:
        return inf
    if len(links) > MAX_RENEWALS:
        raise BadKey(f"{len(links)} renewals")
    scheme = Renewal.of(layout, level)
    roots = [*(earlier for earlier, _ in links), root]
    for number, ((_, proof), (old, new)) in enumerate(zip(links, pairwise(roots), strict=True), 1):
        try:
            scheme.verify(old, new, proof)
        except Refused as error:
            raise BadKey(f"renewal {number}: {error}") from error
    return scheme.bits
