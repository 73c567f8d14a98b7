"""Laws of the transcript: what is sent moves what is drawn, and what is drawn matters."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

import pytest
from golden_files import CLEAR, HIDDEN, NAMES, golden, refusal

from veritorch_spec import verify as protocol
from veritorch_spec.errors import Refused
from veritorch_spec.transcript import Challenger, Transcript


class Recorder(Transcript):
    """Goes on after a check that fails, and notes what was drawn where."""

    last: Recorder

    def __init__(self, *arguments):
        self.drawn: list[tuple[int, object]] = []
        Recorder.last = self
        super().__init__(*arguments)

    def challenge(self, label):
        element = super().challenge(label)
        self.drawn.append((self.at, element))
        return element

    def check_zero(self, name, value):
        pass

    def check_grinding(self, label, bits):
        self.take(f"{label}: work", "work", 8)
        self.challenger.check_work(bits, int.from_bytes(self.proof[self.at - 8 : self.at], "little"))


def draw(own, transcript_bytes, monkeypatch):
    monkeypatch.setattr(protocol, "Transcript", Recorder)
    with suppress(Refused):
        protocol.replay(own.key, public(own), own.proof.statement, transcript_bytes)
    return Recorder.last.drawn


def public(own):
    return protocol.Public.derive(own.verified.transcript.field, own.key, own.proof.statement)


@pytest.mark.parametrize("name", NAMES)
def test_every_message_moves_every_later_challenge(name, monkeypatch):
    own = golden(name)
    honest = draw(own, own.proof.transcript, monkeypatch)
    seen = set()
    for span in own.spans:
        if span.kind not in ("elements", "bytes", "work") or span.label in seen:
            continue
        seen.add(span.label)
        changed = bytearray(own.proof.transcript)
        changed[span.start] ^= 1
        drawn = draw(own, bytes(changed), monkeypatch)
        before = [pair for pair in honest if pair[0] <= span.start]
        after = [pair for pair in honest if pair[0] >= span.end]
        assert drawn[: len(before)] == before
        for (at, old), (_, new) in zip(after, drawn[len(before) :], strict=False):
            assert old != new, (span.label, at)


# Challenges, by label and number, for which an honest proof holds whatever they are: at the root of the tree no message
# depends on the weight of numerator against denominator.
HARMLESS = {("lookup combine", 0)}


class Liar(Transcript):
    """One challenge is not the one that the prover saw, though all others are."""

    target = -1
    labels: ClassVar[list[str]] = []

    def __init__(self, *arguments):
        self.count = 0
        Liar.labels = []
        super().__init__(*arguments)

    def challenge(self, label):
        element = super().challenge(label)
        Liar.labels.append(label)
        self.count += 1
        return element + 1 if self.count == Liar.target + 1 else element


@pytest.mark.parametrize("name", NAMES)
def test_every_challenge_is_used(name, monkeypatch):
    own = golden(name)
    monkeypatch.setattr(protocol, "Transcript", Liar)
    Liar.target = -1
    assert refusal(own.key, own.proof) is None
    labels = list(Liar.labels)
    # The first of each label in one proof, the last in the other.
    firsts = {labels.index(label) for label in labels}
    lasts = {len(labels) - 1 - labels[::-1].index(label) for label in labels}
    for target in sorted(firsts if name == "mlp" else lasts):
        label, number = labels[target], labels[:target].count(labels[target])
        if (label, number) not in HARMLESS:
            Liar.target = target
            assert refusal(own.key, own.proof) is not None, (label, number)


def test_every_pad_is_used():
    """Each pad and each product of pads is in a claim or a check."""
    own = golden(HIDDEN)
    pads, transcript = public(own).pads, own.verified.transcript
    used = {key for value in own.verified.values for key in value.hidden}
    assert transcript.num_pads == pads.num_pads > 50
    assert used == (
        {("pad", i) for i in range(pads.num_pads)}
        | {("dummy", i) for i in range(8)}
        | {("product", k) for k in range(len(pads.products) + 4)}
    )
    positions = [pads.position(key) for key in used]
    assert sorted(positions) == list(range(pads.length))


def test_what_hides_nothing_has_no_pads():
    own = golden(CLEAR)
    assert public(own).pads is None and own.verified.transcript.num_pads == 0
    assert not any(value.hidden for value in own.verified.values)


def test_digests_are_used_up_from_their_end():
    challenger = Challenger()
    challenger.observe([1])
    first = challenger.sample_word()
    digest = bytes(challenger.input)
    assert first == int.from_bytes(digest[:-9:-1], "little")
    assert len(challenger.output) == 24
    challenger.observe_bytes(b"")
    assert len(challenger.output) == 24
    challenger.observe([2])
    assert not challenger.output
