"""Texts that circuits say: `Text` and `verify_text`."""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import VerificationError
from ._options import Path, Progress
from ._proof import Proof, VerifyingKey, verify


@dataclass(frozen=True)
class Text:
    """A prompt and what a circuit said after it. From `Circuit.generate`."""

    prompt: str
    """The prompt."""
    text: str
    """What was said after it."""
    prompt_ids: list[int]
    """Ids of the prompt."""
    ids: list[int]
    """Ids of the text."""
    finished: bool
    """Whether the model ended the text itself."""
    seed: int | None = None
    """What its tokens were drawn by; none where they are the likeliest."""

    def __str__(self) -> str:
        return self.prompt + self.text


def verify_text(
    key: VerifyingKey | Path,
    proof: Proof | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[int], list[int]]:
    """Checks a proof of `Circuit.prove_text`: what the committed model says after a prompt, likeliest or drawn.

    Args:
        key: As in `verify`.
        proof: As in `verify`.
        threads: As in `compile`.
        progress: As in `compile`.

    Returns:
        Ids of the prompt, and of the text. The checkpoint's tokenizer decodes them.

    Raises:
        VerificationError: As `verify`; the proof is not of a text, or a token is not the model's.
        ArtifactError: As `verify`.
    """
    key = key if isinstance(key, VerifyingKey) else VerifyingKey.load(key)
    proof = proof if isinstance(proof, Proof) else Proof.load(proof)
    verify(key, proof, threads=threads, progress=progress)
    prompt, ids, _ = key._native.text(proof._native)
    return prompt, ids


def verify_seed(
    key: VerifyingKey | Path,
    proof: Proof | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> int | None:
    """Checks a proof as `verify_text` does, and gives the seed that its tokens were drawn by.

    Args:
        key: As in `verify`.
        proof: As in `verify`.
        threads: As in `compile`.
        progress: As in `compile`.

    Returns:
        The seed; none where the model says the likeliest tokens. Who chose it could try many: agree on it beforehand.

    Raises:
        VerificationError: As `verify_text`.
        ArtifactError: As `verify`.
    """
    key = key if isinstance(key, VerifyingKey) else VerifyingKey.load(key)
    proof = proof if isinstance(proof, Proof) else Proof.load(proof)
    verify(key, proof, threads=threads, progress=progress)
    return key._native.text(proof._native)[2]


def verify_hidden_text(
    key: VerifyingKey | Path,
    proof: Proof | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Checks a proof of `Circuit.prove_text` that does not show its text: every token of it is the committed model's.

    Args:
        key: As in `verify`.
        proof: As in `verify`.
        threads: As in `compile`.
        progress: As in `compile`.

    Returns:
        Numbers of tokens of the prompt, and of the text.

    Raises:
        VerificationError: As `verify`; the proof is not of a hidden text, or a token is not the model's.
        ArtifactError: As `verify`.
    """
    key = key if isinstance(key, VerifyingKey) else VerifyingKey.load(key)
    proof = proof if isinstance(proof, Proof) else Proof.load(proof)
    verify(key, proof, threads=threads, progress=progress)
    lengths = key._native.hidden_text(proof._native)
    if lengths is None:
        raise VerificationError("the proof shows its text, or is of none", hint="`verify_text` reads it")
    return lengths
