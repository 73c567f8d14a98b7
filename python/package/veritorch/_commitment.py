"""Commitments to inputs and outputs."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import _veritorch as native
from ._options import Path

DEFAULT_OPENINGS = 16


class CommittedArray(NamedTuple):
    """What a commitment says of one array."""

    shape: tuple[int, ...]
    """Samples first, where there are several."""
    scale: tuple[float, ...]
    """Real value of one step."""
    identity: str
    """What names the committed numbers across proofs, in hexadecimal."""


class Commitment:
    """A salted commitment to arrays. From `commit`, `Circuit.prove` or `Commitment.load`.

    Its public side, the file that `save` writes, tells nothing about the numbers but their count and steps. Who made it
    holds the secret side as well, and can have proofs made about the numbers.
    """

    _native: native.Commitment

    def __init__(self, native: native.Commitment) -> None:
        self._native = native

    @classmethod
    def load(cls, path: Path) -> Commitment:
        """Reads a `.commitment` file, and what opens it if that lies beside it (`.commitment.opening`).

        Raises:
            ArtifactError: A file is not there, is damaged, or is something else.
        """
        return cls(native.Commitment.load(os.fspath(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Commitment:
        """The public side that `to_bytes` gave. Raises `ArtifactError` on anything else."""
        return cls(native.Commitment.from_bytes(data))

    def save(self, path: Path) -> None:
        """Writes the public side, and beside it what opens it (`.opening`, and a ledger), for its owner alone to read.

        Raises:
            ArtifactError: A file cannot be written.
        """
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The bytes of the public side."""
        return self._native.to_bytes()

    @property
    def arrays(self) -> dict[str, CommittedArray]:
        """The committed arrays by name."""
        return {
            name: CommittedArray(tuple(shape), tuple(scale), identity)
            for name, shape, scale, identity in self._native.arrays
        }

    @property
    def openings_left(self) -> int | None:
        """How many proofs can still be made about it; None where what opens it is not at hand.

        Raises:
            LedgerError: The ledger is missing, damaged, or of another commitment.
        """
        return self._native.openings_left

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, Commitment) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        arrays = ", ".join(
            f"{name}{list(array.shape)} {array.identity[:16]}..." for name, array in self.arrays.items()
        )
        return f"Commitment({arrays})"
