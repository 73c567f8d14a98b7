"""Committed products of pads are products (docs/protocol.md, "Products of pads").

A masked protocol's checks are linear in its pads and in some products of two pads. Product `k` is ``C(k) = A(k) B(k)``
over `2^kappa` slots; one sumcheck of ``eq(tau, k) (A B - C)``, whose messages are under pads too, ends in three numbers that
are sent as they are, hidden by four products of elements that nothing else uses. What is left is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from . import sumcheck
from .errors import Refused
from .field import Ext, eq, eq_table, log_padded
from .transcript import Hidden, Transcript, Value

NUM_DUMMIES = 4
NUM_CHECKS = 4
DEGREE = 3


@dataclass(frozen=True)
class PadLayout:
    """Which hidden elements there are and where they lie in the committed tensor, element by element."""

    # Of the protocol before this argument.
    num_messages: int
    products: list[tuple[int, int]]

    @property
    def log_slots(self) -> int:
        """`kappa`."""
        return log_padded(len(self.products) + NUM_DUMMIES) if self.products else 0

    @property
    def num_pads(self) -> int:
        """With those of this argument's messages."""
        return self.num_messages + DEGREE * self.log_slots

    @property
    def num_dummies(self) -> int:
        """None where there is nothing to show."""
        return NUM_DUMMIES if self.products else 0

    @property
    def length(self) -> int:
        """Pads; left factors and right factors of dummies; products, those of dummies last."""
        return self.num_pads + 2 * self.num_dummies + len(self.products) + self.num_dummies

    def position(self, key: Hidden) -> int:
        """Where an element lies."""
        kind, number = key
        start = {"pad": 0, "dummy": self.num_pads, "product": self.num_pads + 2 * self.num_dummies}[kind]
        return start + number

    def slots(self) -> list[tuple[int, Hidden, Hidden, Hidden]]:
        """Slots in use, with both factors and the product: dummies in the first two and the last two."""
        count = len(self.products)
        rows: list[tuple[int, Hidden, Hidden, Hidden]] = [
            (2 + k, ("pad", p), ("pad", q), ("product", k)) for k, (p, q) in enumerate(self.products)
        ]
        last = (1 << self.log_slots) - 1
        for d, slot in enumerate((0, 1, last - 1, last)[: self.num_dummies]):
            rows.append((slot, ("dummy", d), ("dummy", NUM_DUMMIES + d), ("product", count + d)))
        return rows


def verify(transcript: Transcript, layout: PadLayout) -> None:
    """Records what shows that the products are products."""
    require_rehearsed(transcript, layout, layout.num_messages)
    if not layout.products:
        return
    of = transcript.field
    tau = transcript.challenges("products: point", layout.log_slots)
    reduced = sumcheck.verify(transcript, "products: rounds", [(layout.log_slots, DEGREE)], [transcript.public(0)])
    require_rehearsed(transcript, layout, layout.num_pads)
    a, b, c = transcript.receive_clear("products: ends", 3)
    transcript.check_zero("products: rounds", reduced.left - transcript.public(eq(of, tau, reduced.point) * (a * b - c)))
    weights = eq_table(of, reduced.point)
    for name, end, column in (("left factors", a, 1), ("right factors", b, 2), ("products", c, 3)):
        relation = transcript.public(-end)
        for row in layout.slots():
            key = row[column]
            assert isinstance(key, tuple)
            relation = relation + Value(of.of(0), {key: weights[row[0]]})
        transcript.check_zero(f"products: {name}", relation)


def require_rehearsed(transcript: Transcript, layout: PadLayout, num_pads: int) -> None:
    """The protocol asked for what its rehearsal asked for."""
    if (transcript.num_pads, transcript.products) != (num_pads, layout.products):
        raise Refused("other pads than in the rehearsal")


def security_terms(of: type[Ext], layout: PadLayout) -> list[tuple[str, float]]:
    """``-log2`` of each term."""
    if not layout.products:
        return []
    kappa = layout.log_slots
    return [
        ("products of pads: point", of.claimed_bits - log2(kappa)),
        ("products of pads: sumcheck", of.claimed_bits - log2(DEGREE * kappa)),
    ]
