"""Texts that circuits say: `Text` and `verify_text`."""

from __future__ import annotations

from dataclasses import dataclass

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

    def __str__(self) -> str:
        return self.prompt + self.text


def verify_text(
    key: VerifyingKey | Path,
    proof: Proof | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[int], list[int]]:
    """Checks a proof of `Circuit.prove_text`: what the committed model says greedily after a prompt.

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
    return key._native.text(proof._native)
