"""Compiled models: `Circuit` and `load`."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

from . import _veritorch as native
from ._arrays import Data, Outputs, named_arrays, single
from ._commitment import DEFAULT_OPENINGS, Commitment
from ._errors import InputError, OptionError, SaturationWarning
from ._options import Path, Progress, watch
from ._proof import Proof, VerifyingKey
from ._text import Text


class Circuit:
    """A model as an integer circuit, with its weights and their commitment. From `compile` or `load`.

    It is what the model's owner keeps; verifiers are given `verifying_key` alone.
    """

    _native: native.Circuit

    def __init__(self, native: native.Circuit) -> None:
        self._native = native

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._native.name

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample of each input, in the model's order."""
        return {name: tuple(shape) for name, shape in self._native.inputs}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape for one sample of each output, in the model's order."""
        return {name: tuple(shape) for name, shape in self._native.outputs}

    @property
    def seq_len(self) -> int | None:
        """Tokens of a sequence; None where the model was not read with `from_pretrained`."""
        return self._native.seq_len

    @property
    def tokenizer_json(self) -> bytes | None:
        """The checkpoint's `tokenizer.json`, which the `.vt` file holds; None where there is none."""
        return self._native.tokenizer_json

    @property
    def verifying_key(self) -> VerifyingKey:
        """What verifiers are given. It holds no weights."""
        return VerifyingKey(self._native.verifying_key)

    @property
    def openings_left(self) -> int | None:
        """How many proofs the model commitment still covers; None where the weights are public.

        A circuit that was saved or loaded counts in the ledger beside its file, one that never was in memory.

        Raises:
            LedgerError: The ledger is missing, damaged, or of another model.
        """
        return self._native.openings_left

    @property
    def report(self) -> dict[str, Any]:
        """The circuit against the float model on the calibration samples, as compiling measured it.

        Among others `accuracy`, `float_accuracy` (None without labels), `outputs` (for each its `agreement`, `cosine`,
        `max_error` and `drift`), `held_out` (the same on the data that `compile` was given for it), and `total`:
        whether the circuit has a result for every input whatever.
        """
        return json.loads(self._native.report)  # type: ignore[no-any-return]

    def run(self, x: Data, *, threads: int | None = None, progress: Progress | None = None) -> Outputs:
        """Computes the circuit, exactly as a proof would have it, without proving.

        Args:
            x: One sample in the model's own shape, or several along the leading axis: an array for a model with one
                input, else a dict of arrays by name or a tuple in the model's order. In the model's units; they are
                rounded to the circuit's integers.
            threads: As in `compile`.
            progress: As in `compile`.

        Returns:
            The output in the model's units as a float32 array with the batch axis of the input, or a dict by name
            where the model has several outputs.

        Raises:
            InputError: A wrong name, shape or type, or NaN or infinity.
            RefusedInput: A value leaves the domain of a table.

        Warns:
            SaturationWarning: Values far outside the calibrated range were moved into it.
        """
        outputs, notes = self._native.run(self._arrays(x), watch=watch(threads, progress))
        _warn(notes)
        return single(outputs)

    def prove(
        self,
        x: Data | None = None,
        *,
        commitment: Commitment | None = None,
        openings: int = DEFAULT_OPENINGS,
        resume: Path | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Proof:
        """Proves that the committed model gives its output on this input.

        Args:
            x: As in `run`; a batch becomes one proof. Not needed where there is a commitment.
            commitment: For a circuit with `input="committed"`: a commitment to the input that was made before, with
                what opens it; one of its openings is used. Without it one is made: `Proof.committed_inputs`.
            openings: Proofs that commitments which are made for this one can be used in, this one among them.
            resume: A folder that keeps finished segments of a circuit that was compiled with `memory` until the proof
                is there: the same call goes on where one before it ended. What is in it is secret.
            threads: As in `compile`.
            progress: As in `compile`.

        Raises:
            InputError: As `run`.
            RefusedInput: As `run`: there is no proof.
            ProofError: The batch is too large for the security level.
            OptionError: The commitment does not fit the circuit.
            LedgerError: No opening of the model commitment or of `commitment` is left, or it could not be counted.
            KeyboardInterrupt: On Ctrl-C, within about a second.

        Warns:
            SaturationWarning: As `run`.

        Example:
            >>> proof = circuit.prove(image)     # doctest: +SKIP
            >>> proof.save("image.proof")        # doctest: +SKIP
        """
        proof, (inputs, outputs), notes = self._native.prove(
            self._arrays(x) if x is not None or commitment is None else None,
            commitment=None if commitment is None else commitment._native,
            openings=openings,
            resume=None if resume is None else os.fspath(resume),
            watch=watch(threads, progress),
        )
        _warn(notes)
        return Proof(
            proof,
            committed_inputs=None if inputs is None else Commitment(inputs),
            committed_outputs=None if outputs is None else Commitment(outputs),
        )

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int,
        seed: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Text:
        """Says what the model says after a prompt, as a proof would have it: the likeliest tokens, or drawn by a seed.

        For language models: `compile(from_pretrained(folder, seq_len=.., next_ids=True), input="public", ..)`.

        Args:
            prompt: What stands before the text.
            max_new_tokens: Most tokens to say. With the prompt's they are at most `seq_len - 2`.
            seed: What tokens are drawn by, 0 to 2^64 - 1, where the model was read with `sample=True`. A proof
                states it.
            threads: As in `compile`.
            progress: As in `compile`.

        Raises:
            OptionError: The circuit is none for texts, or prompt and text do not fit into its sequence.
            RefusedInput: A value leaves the domain of a table.
        """
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 64):
            raise OptionError(f"seed: expected an integer from 0 to 2^64 - 1, got {seed!r}")
        ids, texts, finished = self._native.generate(prompt, max_new_tokens, seed, watch=watch(threads, progress))
        return Text(*texts, *ids, finished, seed)

    def prove_text(self, text: Text, *, threads: int | None = None, progress: Progress | None = None) -> Proof:
        """Proves that the model says this text after this prompt, all its tokens at once. `verify_text` checks it.

        With `input="private"` or `"committed"`, from a checkpoint that was read with `hides_text=True`, the proof shows how
        long prompt and text are and that every token is the model's: `verify_hidden_text` checks it.

        Args:
            text: From `generate`.
            threads: As in `compile`.
            progress: As in `compile`.

        Raises:
            OptionError: The circuit is none for texts, or its policy hides them.
            ProofError: As `prove`.
            LedgerError: As `prove`.
        """
        proof, inputs, notes = self._native.prove_text(
            text.prompt_ids, text.ids, text.seed, watch=watch(threads, progress)
        )
        _warn(notes)
        return Proof(proof, committed_inputs=None if inputs is None else Commitment(inputs))

    def renew(self, *, threads: int | None = None, progress: Progress | None = None) -> Circuit:
        """Commits to the same weights anew, with openings of its own, when those of this circuit are used up.

        The identity stays; the new verifying key proves that the weights are the same. Can be done once for each
        circuit.

        Args:
            threads: As in `compile`.
            progress: As in `compile`.

        Raises:
            LedgerError: It was done before, the weights are public, or the lifetime is a single proof.
        """
        return Circuit(self._native.renew(watch=watch(threads, progress)))

    def save(self, path: Path) -> None:
        """Writes the circuit with its weights, and beside it the verifying key with the ending `.vk` and the ledger.

        The circuit and the ledger are secrets; only their owner can read the files. From here on openings are counted
        in the ledger.

        Args:
            path: Where to, by custom with the ending `.vt`.

        Raises:
            ArtifactError: A file cannot be written; none is left half-written.
            OptionError: The path ends in `.vk`.
        """
        self._native.save(os.fspath(path))

    def summary(self, *, batch: int = 1) -> str:
        """The graph and the plan as text: per node its shape, bits, scale, protocol and predicted cost.

        Args:
            batch: Samples in one proof that predictions and security level are for.
        """
        return self._native.summary(batch)

    def inspect(self, *, batch: int = 1, html: Path | None = None) -> dict[str, Any]:
        """What `veritorch inspect --json` prints.

        Args:
            batch: Samples in one proof that predictions and security level are for.
            html: Write it as a self-contained page as well, with the graph as a picture.

        Raises:
            ArtifactError: The page cannot be written.
        """
        if html is not None:
            self._native.save_html(batch, os.fspath(html))
        return json.loads(self._native.inspect(batch))  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}{list(shape)}" for name, shape in self.inputs.items())
        outputs = ", ".join(f"{name}{list(shape)}" for name, shape in self.outputs.items())
        return f"Circuit({self.name}: {inputs} -> {outputs})"

    def _arrays(self, x: Data) -> dict[str, Any]:
        return named_arrays("input", list(self.inputs), x, InputError)


def load(path: Path) -> Circuit:
    """Reads a circuit that `Circuit.save` or the command `veritorch compile` wrote (`.vt`).

    Raises:
        ArtifactError: The file is not there, is damaged, or is something else.
    """
    return Circuit(native.Circuit.load(os.fspath(path)))


def _warn(notes: list[str]) -> None:
    for note in notes:
        warnings.warn(note, SaturationWarning, stacklevel=3)
