"""The golden keys and proofs, and replays in which one thing is changed."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from veritorch_spec.errors import Refused
from veritorch_spec.key import Proof, VerifyingKey
from veritorch_spec.transcript import Span
from veritorch_spec.verify import Verified, verify

FOLDER = Path(__file__).parent / "golden"
NAMES = ["mlp", "mlp-high", "mixed"]


@dataclass(frozen=True)
class Golden:
    key_bytes: bytes
    proof_bytes: bytes
    key: VerifyingKey
    proof: Proof
    verified: Verified

    @property
    def spans(self) -> list[Span]:
        """Messages that have bytes."""
        return [span for span in self.verified.transcript.spans if span.end > span.start]


@cache
def golden(name: str) -> Golden:
    key_bytes = gzip.decompress((FOLDER / f"{name}.vk.gz").read_bytes())
    proof_bytes = (FOLDER / f"{name}.proof").read_bytes()
    key, proof = VerifyingKey.parse(key_bytes), Proof.parse(proof_bytes)
    return Golden(key_bytes, proof_bytes, key, proof, verify(key, proof))


def refusal(key: VerifyingKey, proof: Proof) -> str | None:
    """Why a proof is refused, if it is."""
    try:
        verify(key, proof)
    except Refused as error:
        return str(error)
    return None
