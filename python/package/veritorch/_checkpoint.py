"""`from_pretrained`: models in Hugging Face's format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from . import _veritorch as native
from ._errors import CalibrationError, OptionError
from ._options import Path


class Checkpoint:
    """A model from a Hugging Face folder, at one sequence length. From `from_pretrained`; `compile` takes it."""

    _native: native.Model

    def __init__(self, native: native.Model, seq_len: int) -> None:
        self._native = native
        self._seq_len = seq_len

    @property
    def seq_len(self) -> int:
        """Tokens of a sequence."""
        return self._seq_len

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input."""
        return {name: tuple(shape) for name, shape in self._native.inputs}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output: `logits`, `next_ids`, `last_hidden_state` or `sentence_embedding`."""
        return {name: tuple(shape) for name, shape in self._native.outputs}

    @property
    def tokenizer_json(self) -> bytes | None:
        """The folder's `tokenizer.json`: `tokenizers.Tokenizer.from_str(checkpoint.tokenizer_json.decode())`."""
        return self._native.tokenizer_json

    def windows(self, text: str | Iterable[str]) -> npt.NDArray[np.float32]:
        """Sequences of ids from a text, or from several.

        A line, with as many after it as fill a sequence, is cut into sequences, each with its special tokens; what is
        left over is dropped.

        Args:
            text: Lines of a text, or a text for each line.

        Returns:
            Ids `[N, seq_len]`.

        Raises:
            CalibrationError: The text does not fill one sequence.
        """
        lines = text if isinstance(text, str) else "\n".join(" ".join(line.splitlines()) for line in text)
        (ids,) = self._native.windows(lines).values()
        return ids

    def __repr__(self) -> str:
        return f"Checkpoint({self.inputs} -> {self.outputs})"


def from_pretrained(
    folder: Path,
    *,
    seq_len: int,
    next_ids: bool = False,
    sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    hides_text: bool = False,
    token_types: bool = False,
) -> Checkpoint:
    """Reads a model that `save_pretrained` of transformers wrote, without PyTorch: LLaMA, GPT-2 or BERT.

    Weights stay in their files, memory-mapped, until they are compiled.

    Args:
        folder: Where `config.json`, `*.safetensors` and `tokenizer.json` are. Nothing is downloaded.
        seq_len: Tokens of a sequence. A circuit has one length.
        next_ids: A language model's output is the token it says next at each position, rather than all logits:
            what `Circuit.generate` needs.
        sample: The token is drawn by a seed instead of being the likeliest. The circuit is compiled with
            `input="public"`.
        temperature: What draws are made with; 1 leaves the model's probabilities as they are.
        top_k: Draws are among so many of the likeliest tokens; by default among all.
        hides_text: Proofs show no text, but that every token of it is the model's: for `compile(.., input="private")`
            or `"committed"`.
        token_types: Token types are an input of an encoder, rather than all of the first type.

    Raises:
        ModelError: Something is missing, damaged, or not supported.
        OptionError: The sequence length is no number, or options do not go together.

    Example:
        >>> model = from_pretrained("stories260K", seq_len=64)                      # doctest: +SKIP
        >>> circuit = veritorch.compile(model, calibration=["Once upon a time .."])  # doctest: +SKIP
    """
    if isinstance(seq_len, bool) or not isinstance(seq_len, int) or seq_len < 1:
        raise OptionError(f"seq_len: expected an integer of at least 1, got {seq_len!r}")
    if not (isinstance(temperature, int | float) and 0 < temperature < float("inf")):
        raise OptionError(f"temperature: expected a number greater than 0, got {temperature!r}")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise OptionError(f"top_k: expected an integer of at least 1, got {top_k!r}")
    if (sample or hides_text) and not next_ids:
        raise OptionError("sample and hides_text: they are for texts, with next_ids=True")
    if sample and hides_text:
        raise OptionError("sample: the seed is a public input, and hides_text is for inputs that are not")
    sampling = (float(temperature), top_k) if sample else None
    model = native.Model.from_pretrained(
        os.fspath(folder), seq_len, (bool(next_ids), bool(hides_text), sampling), bool(token_types)
    )
    return Checkpoint(model, seq_len)


def is_text(data: Any) -> TypeGuard[str | Iterable[str]]:
    """Whether calibration data are a text or several."""
    if isinstance(data, str):
        return True
    return isinstance(data, list | tuple) and len(data) > 0 and all(isinstance(line, str) for line in data)


def ids_of(model: Any, text: str | Iterable[str]) -> npt.NDArray[np.float32]:
    """Calibration data from a text."""
    if not isinstance(model, Checkpoint):
        raise CalibrationError("a text calibrates checkpoints alone", hint="read the model with `from_pretrained`")
    return model.windows(text)
