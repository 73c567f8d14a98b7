"""The golden keys and proofs, and replays in which one thing is changed."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from veritorch_spec import transcript as transcripts
from veritorch_spec.errors import Refused
from veritorch_spec.key import Proof, VerifyingKey
from veritorch_spec.transcript import Challenger, Span
from veritorch_spec.verify import Verified, verify

FOLDER = Path(__file__).parent / "golden"
# The first hides something, under a key that was renewed; the second hides nothing; the third has every hint of networks; the
# fourth looks up in tensors, and multiplies nothing. A fifth one is the third model in segments.
HIDDEN, CLEAR, _, FOREST = NAMES = ["mlp", "mixed", "transformer", "forest"]
SEGMENTS = "segments"


@dataclass(frozen=True)
class Golden:
    key_bytes: bytes
    proof_bytes: bytes
    key: VerifyingKey
    proof: Proof
    verified: Verified
    # All bytes that the challenger gave in the run over the proof.
    drawn: bytes

    @property
    def spans(self) -> list[Span]:
        """Messages that have bytes."""
        return [span for span in self.verified.transcript.spans if span.end > span.start]

    def changed(self, bit: int) -> Proof:
        """With one bit of the transcript flipped."""
        data = bytearray(self.proof.transcript)
        data[bit // 8] ^= 1 << bit % 8
        return replace(self.proof, transcript=bytes(data))


class Logging(Challenger):
    """Keeps what it gives."""

    log = bytearray()

    def __init__(self) -> None:
        super().__init__()
        # The last challenger that is made is that of the run over the proof.
        Logging.log = bytearray()

    def sample_byte(self) -> int:
        byte = super().sample_byte()
        Logging.log.append(byte)
        return byte


@cache
def golden(name: str) -> Golden:
    key_bytes = gzip.decompress((FOLDER / f"{name}.vk.gz").read_bytes())
    proof_bytes = (FOLDER / f"{name}.proof").read_bytes()
    key, proof = VerifyingKey.parse(key_bytes), Proof.parse(proof_bytes)
    transcripts.Challenger = Logging
    try:
        verified = verify(key, proof)
    finally:
        transcripts.Challenger = Challenger
    return Golden(key_bytes, proof_bytes, key, proof, verified, bytes(Logging.log))


def refusal(key: VerifyingKey, proof: Proof) -> str | None:
    """Why a proof is refused, if it is."""
    try:
        verify(key, proof)
    except Refused as error:
        return str(error)
    return None


def refusal_with_same_challenges(own: Golden, proof: Proof) -> str | None:
    """The same, where the verifier draws what it drew for the proof that was not changed: which equation notices the change."""

    class Replay(Challenger):
        def __init__(self) -> None:
            super().__init__()
            self.rest = iter(own.drawn)

        def sample_byte(self) -> int:
            return next(self.rest)

    transcripts.Challenger = Replay
    try:
        return refusal(own.key, proof)
    finally:
        transcripts.Challenger = Challenger
