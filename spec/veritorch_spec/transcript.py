"""The Fiat-Shamir transcript (docs/format.md, "Challenger" and "Transcript").

The proof is exactly the bytes that the prover sent. What the verifier receives are linear forms (`Value`): a number, and pads
that hide it. In a transcript without pads the forms are numbers and a check is made at once; in one with pads a message is
what was sent less its pad, and a check that speaks of pads is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from blake3 import blake3

from .errors import Refused
from .field import Ext, P


class Challenger:
    """A hash chain over bytes. What is observed is buffered; a sample hashes the buffer, which the digest then replaces."""

    def __init__(self) -> None:
        self.input = bytearray()
        self.output = bytearray()

    def observe_bytes(self, data: bytes) -> None:
        """Absorbs bytes as they are; digests that were not used up are dropped."""
        if data:
            self.output.clear()
            self.input += data

    def observe(self, values: Iterable[int]) -> None:
        """Absorbs elements of the base field: eight bytes each."""
        self.observe_bytes(b"".join(value.to_bytes(8, "little") for value in values))

    def observe_elements(self, values: Iterable[Ext]) -> None:
        """Absorbs elements of the extension field by their coefficients."""
        self.observe(c for value in values for c in value.c)

    def sample_byte(self) -> int:
        """The last byte of the digest that is not used up."""
        if not self.output:
            digest = blake3(self.input).digest()
            self.input = bytearray(digest)
            self.output = bytearray(digest)
        return self.output.pop()

    def sample_word(self) -> int:
        """Eight bytes, the first one lowest."""
        return int.from_bytes(bytes(self.sample_byte() for _ in range(8)), "little")

    def sample(self) -> int:
        """An element of the base field: the first word below `p`."""
        while (word := self.sample_word()) >= P:
            pass
        return word

    def sample_element(self, of: type[Ext]) -> Ext:
        """An element of an extension field."""
        return of([self.sample() for _ in range(of.degree)])

    def sample_bits(self, bits: int) -> int:
        """The low bits of a word."""
        return self.sample_word() & ((1 << bits) - 1)

    def check_work(self, bits: int, witness: int) -> bool:
        """Whether a witness makes the next bits zero."""
        if bits == 0:
            return True
        self.sample_byte()
        self.observe([witness])
        return self.sample_bits(bits) == 0


# A hidden element: a pad, a product of two pads, or another committed element, with its number.
Hidden = tuple[str, int]


@dataclass(frozen=True)
class Value:
    """``constant + sum_h hidden[h] h``."""

    constant: Ext
    hidden: dict[Hidden, Ext] = field(default_factory=dict)

    def __add__(self, other: Value) -> Value:
        sums = dict(self.hidden)
        for key, coefficient in other.hidden.items():
            sums[key] = sums[key] + coefficient if key in sums else coefficient
        return Value(self.constant + other.constant, sums)

    def __sub__(self, other: Value) -> Value:
        return self + other * -1

    def __mul__(self, factor: Ext | int) -> Value:
        return Value(self.constant * factor, {key: c * factor for key, c in self.hidden.items()})

    def __neg__(self) -> Value:
        return self * -1


def tag(label: str, length: int) -> list[int]:
    """What stands before a message: a hash of its label (FNV-1a, without its lowest bit), and its length."""
    digest = 0xCBF29CE484222325
    for byte in label.encode():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return [digest >> 1, length]


def words(data: bytes) -> list[int]:
    """Bytes as base-field elements, seven to each, the first one lowest."""
    return [int.from_bytes(data[i : i + 7], "little") for i in range(0, len(data), 7)]


@dataclass(frozen=True)
class Span:
    """Where a message stands in the proof: for reports and for tests that change one."""

    label: str
    kind: str
    start: int
    end: int


class Transcript:
    """The verifier's side."""

    def __init__(self, domain: str, proof: bytes, of: type[Ext]) -> None:
        self.field = of
        self.proof = proof
        self.at = 0
        self.challenger = Challenger()
        self.spans: list[Span] = []
        # Whether messages are under pads; how many pads there were; which pads' products are needed.
        self.masked = False
        self.num_pads = 0
        self.products: list[tuple[int, int]] = []
        # Checks that speak of hidden elements, by name.
        self.recorded: list[tuple[str, Value]] = []
        self.absorb("domain", domain.encode())

    # What both sides know.

    def absorb(self, label: str, data: bytes) -> None:
        """Public bytes."""
        self.challenger.observe(tag(label, len(data)) + words(data))

    def challenge(self, label: str) -> Ext:
        """A random element."""
        self.challenger.observe(tag(label, 0))
        return self.challenger.sample_element(self.field)

    def challenges(self, label: str, count: int) -> list[Ext]:
        """Random elements, each with its own tag."""
        return [self.challenge(label) for _ in range(count)]

    def indices(self, label: str, count: int, log_len: int) -> list[int]:
        """Random numbers below a power of two, as they are drawn."""
        self.challenger.observe(tag(label, count))
        return [self.challenger.sample_bits(log_len) for _ in range(count)]

    # What the prover sent.

    def take(self, label: str, kind: str, count: int) -> bytes:
        """The next bytes of the proof."""
        if count > len(self.proof) - self.at:
            raise Refused(f"the proof ends inside `{label}`")
        start, self.at = self.at, self.at + count
        self.spans.append(Span(label, kind, start, self.at))
        return self.proof[start : self.at]

    def receive_clear(self, label: str, count: int) -> list[Ext]:
        """Field elements that are sent as they are."""
        data = self.take(label, "elements", 8 * self.field.degree * count)
        limbs = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
        if any(limb >= P for limb in limbs):
            raise Refused(f"`{label}`: an element is not canonical")
        degree = self.field.degree
        elements = [self.field(limbs[i : i + degree]) for i in range(0, len(limbs), degree)]
        self.challenger.observe(tag(label, count))
        self.challenger.observe(limbs)
        return elements

    def receive(self, label: str, count: int) -> list[Value]:
        """Messages, less their pads."""
        sent = self.receive_clear(label, count)
        if not self.masked:
            return [Value(element) for element in sent]
        first, self.num_pads = self.num_pads, self.num_pads + count
        return [Value(element, {("pad", first + i): self.field.of(-1)}) for i, element in enumerate(sent)]

    def receive_bytes(self, label: str, count: int) -> bytes:
        """Bytes whose number follows from the key."""
        data = self.take(label, "bytes", count)
        self.absorb(label, data)
        return data

    def receive_embedded(self, label: str) -> bytes:
        """A proof inside the proof, with its length; whoever reads it absorbs it."""
        length = int.from_bytes(self.take(label, "length", 4), "little")
        return self.take(label, "embedded", length)

    def split_last(self, label: str, parts: list[tuple[str, int, int]]) -> None:
        """Names the parts of the embedded proof that was read last."""
        start = self.spans.pop().start
        self.spans += [Span(f"{label}: {name}", "part", start + a, start + b) for name, a, b in parts]

    def check_grinding(self, label: str, bits: int) -> None:
        """A proof of work before the next challenge."""
        if bits == 0:
            return
        witness = int.from_bytes(self.take(f"{label}: work", "work", 8), "little")
        if witness >= P:
            raise Refused(f"`{label}`: an element is not canonical")
        if not self.challenger.check_work(bits, witness):
            raise Refused(f"proof of work for `{label}`")

    # What must hold.

    def public(self, value: Ext | int) -> Value:
        """A number that everybody knows."""
        return Value(self.field.of(value) if isinstance(value, int) else value)

    def product(self, a: Value, b: Value) -> Value:
        """The product of two messages: of ``x - p`` and ``y - q`` it is ``x y - x q - y p + pq``."""
        if not a.hidden or not b.hidden:
            return b * a.constant if not a.hidden else a * b.constant
        (((kind_a, p), one_a),) = a.hidden.items()
        (((kind_b, q), one_b),) = b.hidden.items()
        assert kind_a == kind_b == "pad" and one_a == -1 and one_b == -1
        product = Value(self.field.of(0), {("product", len(self.products)): self.field.of(1)})
        self.products.append((p, q))
        of_b = Value(self.field.of(0), {("pad", q): a.constant * -1})
        of_a = Value(self.field.of(0), {("pad", p): b.constant * -1})
        return Value(a.constant * b.constant) + of_a + of_b + product

    def check_zero(self, name: str, value: Value) -> None:
        """An equation of the verifier: made now if nothing in it is hidden, else recorded."""
        if value.hidden:
            self.recorded.append((name, value))
        elif not value.constant.is_zero():
            raise Refused(f"check `{name}`")

    def finish(self) -> None:
        """Every byte of the proof was read."""
        if self.at != len(self.proof):
            raise Refused(f"{len(self.proof) - self.at} bytes follow the last message")


class Rehearsal(Transcript):
    """A run without a proof: every message is zero and every equation holds. It counts pads, products and checks."""

    def __init__(self, domain: str, of: type[Ext]) -> None:
        super().__init__(domain, b"", of)

    def take(self, label: str, kind: str, count: int) -> bytes:
        """Zeros."""
        return bytes(count)

    def check_zero(self, name: str, value: Value) -> None:
        """Counts it if something in it is hidden."""
        if value.hidden:
            self.recorded.append((name, value))


def combination(transcript: Transcript, values: Iterable[Value], weights: Iterable[Ext]) -> Value:
    """``sum_j weights_j values_j``; as many as there are values."""
    result = transcript.public(0)
    for value, weight in zip(values, weights, strict=False):
        result = result + value * weight
    return result
