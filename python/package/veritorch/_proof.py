"""Proofs, the keys that check them, and `verify`."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _veritorch as native
from ._arrays import Array, Data, named_arrays
from ._commitment import Commitment
from ._errors import InputError
from ._options import Path, Progress, watch


class VerifyingKey:
    """What a verifier needs: the computation, and the commitment to the weights. It holds no weights.

    From `Circuit.verifying_key`, `VerifyingKey.load` or `VerifyingKey.from_bytes`.
    """

    _native: native.VerifyingKey

    def __init__(self, native: native.VerifyingKey) -> None:
        self._native = native

    @classmethod
    def load(cls, path: Path) -> VerifyingKey:
        """Reads a `.vk` file.

        Raises:
            ArtifactError: The file is not there, is damaged, or is something else.
        """
        return cls(native.VerifyingKey.load(os.fspath(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> VerifyingKey:
        """The key that `to_bytes` gave. Raises `ArtifactError` on anything else."""
        return cls(native.VerifyingKey.from_bytes(data))

    def save(self, path: Path) -> None:
        """Writes a `.vk` file, whole or not at all. Raises `ArtifactError`."""
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The bytes of a `.vk` file."""
        return self._native.to_bytes()

    @property
    def circuit_digest(self) -> str:
        """BLAKE3 of the computation, in hexadecimal. Publish it."""
        return self._native.circuit_digest

    @property
    def model_commitment(self) -> str:
        """The commitment to the weights, in hexadecimal. Publish it."""
        return self._native.model_commitment

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample of each input, in the model's order."""
        return {name: tuple(shape) for name, shape in self._native.inputs}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape for one sample of each output, in the model's order."""
        return {name: tuple(shape) for name, shape in self._native.outputs}

    def summary(self, *, batch: int = 1) -> str:
        """As `Circuit.summary`."""
        return self._native.summary(batch)

    def inspect(self, *, batch: int = 1, html: Path | None = None) -> dict[str, Any]:
        """As `Circuit.inspect`. Raises `ArtifactError`."""
        if html is not None:
            self._native.save_html(batch, os.fspath(html))
        return json.loads(self._native.inspect(batch))  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, VerifyingKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"VerifyingKey({self._native.name}, model commitment {self.model_commitment[:16]}...)"


class Proof:
    """One proof, for one sample or a batch. From `Circuit.prove`, `Proof.load` or `Proof.from_bytes`.

    Printed, it says what it is and how large.
    """

    _native: native.Proof

    committed_inputs: Commitment | None
    """The commitment to the inputs that was made for this proof, with what opens it. Save it: the proof has neither."""

    committed_outputs: Commitment | None
    """The same for the outputs of a circuit with `output="committed"`."""

    def __init__(
        self,
        native: native.Proof,
        *,
        committed_inputs: Commitment | None = None,
        committed_outputs: Commitment | None = None,
    ) -> None:
        self._native = native
        self.committed_inputs = committed_inputs
        self.committed_outputs = committed_outputs

    @classmethod
    def load(cls, path: Path) -> Proof:
        """Reads a `.proof` file.

        Raises:
            ArtifactError: The file is not there, or is something else.
            VerificationError: It is a proof, and damaged.
        """
        return cls(native.Proof.load(os.fspath(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        """The proof that `to_bytes` gave. Raises as `load`."""
        return cls(native.Proof.from_bytes(data))

    def save(self, path: Path) -> None:
        """Writes a `.proof` file, whole or not at all. Raises `ArtifactError`."""
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The bytes of a `.proof` file."""
        return self._native.to_bytes()

    @property
    def batch(self) -> int:
        """Number of samples."""
        return self._native.batch

    @property
    def outputs(self) -> dict[str, Array] | None:
        """Outputs as the prover computed them, whether public or not, in the model's units.

        None for a proof that was read: what a proof says comes from `verify`.
        """
        return self._native.outputs

    @property
    def statement_inputs(self) -> list[list[int]]:
        """The public inputs as the integers that are proved: one list per input, samples first; [] if private."""
        return self._native.statement_inputs

    @property
    def statement_outputs(self) -> list[list[int]]:
        """The public outputs as the integers that are proved: one list per output, samples first; [] if private."""
        return self._native.statement_outputs

    @property
    def transcript(self) -> bytes:
        """The prover's messages: exactly the bytes that it sent."""
        return self._native.transcript

    def replace(
        self,
        *,
        inputs: list[list[int]] | None = None,
        outputs: list[list[int]] | None = None,
        transcript: bytes | None = None,
    ) -> Proof:
        """A copy with another statement or other messages, and checksums to match: to see that `verify` refuses it.

        Args:
            inputs: Instead of `statement_inputs`.
            outputs: Instead of `statement_outputs`.
            transcript: Instead of `transcript`.
        """
        return Proof(self._native.replace(inputs=inputs, outputs=outputs, transcript=transcript))

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each phase of the prover; empty for a proof that was loaded."""
        return dict(self._native.timings)

    def summary(self) -> str:
        """Statement and size by part, as text; as the prover states them, `verify` checks them."""
        return self._native.summary()

    def inspect(self, *, html: Path | None = None) -> dict[str, Any]:
        """What `veritorch inspect --json` prints; `html` writes it as a page as well. Raises `ArtifactError`."""
        if html is not None:
            self._native.save_html(os.fspath(html))
        return json.loads(self._native.inspect())  # type: ignore[no-any-return]

    def __len__(self) -> int:
        """Size in bytes."""
        return len(self.to_bytes())

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, Proof) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        samples = "1 sample" if self.batch == 1 else f"{self.batch} samples"
        seconds = sum(self.timings.values())
        made = f", made in {seconds:.3f} s" if seconds else ""
        return f"Proof({self._native.name}, {samples}, {len(self):,} bytes{made})"


class Verification:
    """A proof was checked and is valid. What it says:"""

    _native: native.Verification

    def __init__(self, native: native.Verification) -> None:
        self._native = native

    @property
    def batch(self) -> int:
        """Number of samples."""
        return self._native.batch

    @property
    def policy(self) -> dict[str, str]:
        """Who sees the "weights", the "input" and the "output": "public", "private" or "committed"."""
        return self._native.policy

    @property
    def statement(self) -> str:
        """What was proved, what the proof shows and what it hides, in one paragraph."""
        return self._native.statement

    @property
    def circuit_digest(self) -> str:
        """The circuit, as a hash in hex: architecture, shapes, quantisation, tables and policy."""
        return self._native.circuit_digest

    @property
    def model_commitment(self) -> str:
        """The commitment to the weights, in hex: the same for all proofs of one model."""
        return self._native.model_commitment

    @property
    def commitments(self) -> dict[str, str]:
        """What names the committed inputs and outputs across proofs, in hex, by `input.NAME` and `output.NAME`."""
        return {f"{side}.{name}": identity for side, name, identity in self._native.commitments}

    def check_link(self, port: str, other: Verification, other_port: str) -> None:
        """Checks that two proofs carry the same committed tensor.

        Args:
            port: "input" or "output" of this proof; "output.NAME" where there are several.
            other: The other proof, verified.
            other_port: The same of it.

        Raises:
            VerificationError: They are not the same tensor; `VerificationError.check` is "link".
            OptionError: A port is not committed, or a name is needed.
        """
        self._native.check_link(_port(port), other._native, _port(other_port))

    @property
    def security_bits(self) -> float:
        """The chance that a false statement is accepted is at most `2**-security_bits`."""
        return self._native.security_bits

    @property
    def security_terms(self) -> dict[str, float]:
        """The same for each way in which a false statement could be accepted."""
        return dict(self._native.security_terms)

    @property
    def outputs(self) -> dict[str, Array] | None:
        """The outputs that are proved, in the model's units, a batch on the leading axis; None if they are private."""
        return self._native.outputs

    @property
    def inputs(self) -> dict[str, Array] | None:
        """The inputs that are proved, as the circuit rounds them; None if they are private."""
        return self._native.inputs

    def __repr__(self) -> str:
        samples = "1 sample" if self.batch == 1 else f"{self.batch} samples"
        return f"Verification(valid, {samples}, {self.security_bits:.1f} bits)"


def verify(
    key: VerifyingKey | Path,
    proof: Proof | Path,
    *,
    inputs: Data | None = None,
    outputs: Data | None = None,
    expect_input: Commitment | Path | None = None,
    expect_output: Commitment | Path | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Checks a proof with nothing but the verifying key.

    Args:
        key: The key, or the path of its file.
        proof: The proof, or the path of its file.
        inputs: Compare the proof's public inputs with these, in the model's units.
        outputs: Compare the proof's public outputs with these, in the model's units.
        expect_input: Require that the proof's committed input is the one under this commitment.
        expect_output: The same for its committed output.
        threads: As in `compile`.
        progress: As in `compile`.

    Returns:
        What was proved, and how sure it is. A proof that is not valid raises instead.

    Raises:
        VerificationError: A check failed; `VerificationError.check` names it.
        ArtifactError: A file cannot be read or is something else.
        InputError: `inputs` or `outputs` do not fit the model, or the proof keeps them private.
    """
    key = key if isinstance(key, VerifyingKey) else VerifyingKey.load(key)
    proof = proof if isinstance(proof, Proof) else Proof.load(proof)
    expected_inputs = None if inputs is None else named_arrays("input", list(key.inputs), inputs, InputError)
    expected_outputs = None if outputs is None else named_arrays("output", list(key.outputs), outputs, InputError)
    verification = native.verify(
        key._native, proof._native, inputs=expected_inputs, outputs=expected_outputs, watch=watch(threads, progress)
    )
    for side, expected in (("input", expect_input), ("output", expect_output)):
        if expected is not None:
            expected = expected if isinstance(expected, Commitment) else Commitment.load(expected)
            verification.check_expected(side, expected._native)
    return Verification(verification)


def _port(port: str) -> tuple[str, str | None]:
    side, _, name = port.partition(".")
    return side, name or None
