"""`compile` and `evaluate`: where models come in."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _veritorch as native
from ._arrays import Data, Outputs, labels_list, named_arrays, named_samples, single
from ._checkpoint import Checkpoint, ids_of, is_text
from ._circuit import Circuit
from ._commitment import Commitment
from ._errors import CalibrationError, InputError, ModelError, OptionError
from ._export import export, is_module
from ._options import Path, Profile, Progress, Visibility, WeightsVisibility, choice, watch
from ._proof import VerifyingKey

if TYPE_CHECKING:
    import torch

Model: TypeAlias = "torch.nn.Module | Path | bytes | Checkpoint"


def compile(
    model: Model,
    example_inputs: Any = None,
    *,
    calibration: Data | Iterable[Data] | str | Iterable[str],
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    axes: Mapping[str, int] | None = None,
    fixed_inputs: Mapping[str, float] | None = None,
    held_out: Data | Iterable[Data] | str | Iterable[str] | None = None,
    labels: Sequence[int] | npt.NDArray[np.integer[Any]] | None = None,
    accuracy_target: float | None = None,
    drift_target: float | None = None,
    activation_bits: int | None = None,
    input_bits: int | None = None,
    input_scale: float | None = None,
    input_like: VerifyingKey | Commitment | None = None,
    saturate: bool = False,
    weights: WeightsVisibility = "private",
    input: Visibility = "private",
    output: Visibility = "public",
    profile: Profile = "standard",
    lifetime: int | None = None,
    memory: int | None = None,
    name: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Circuit:
    """Turns a trained model into an integer circuit and commits to its weights.

    Args:
        model: A `torch.nn.Module` (needs the extra `veritorch[torch]`), or a path or the bytes of an ONNX file,
            operator sets 7 to 24, or of a TensorFlow Lite file (a path by its ending `.tflite`). A leading batch axis
            that the file leaves open is fixed at 1. Or what `from_pretrained` gives.
        example_inputs: For a module only: one sample as a tensor, a tuple of tensors, or a dict of keyword arguments.
            The circuit takes its shapes from it.
        calibration: Inputs as the model will see them, in its own units: an array for a model with one input, else a
            dict of arrays by name or a tuple in the model's order; samples lie on the leading axis. A list or another
            iterable of samples is good too. Some hundred samples fix the ranges well. For a checkpoint also a
            text, or a list of texts: `Checkpoint.windows` cuts them into sequences.
        held_out: Data that takes no part in calibration, in the same form: `report["held_out"]` compares the circuit
            with the float model on it. For a language model it compares logits and perplexities.
        input_shapes: Shapes of inputs that the file leaves open, by name.
        axes: Extents of axes that the file leaves open, by the names that it gives them.
        fixed_inputs: Inputs that are one number in every entry and no longer inputs: `{"attention_mask": 1}`.
        labels: The class of each calibration sample, for `accuracy_target` and for the report.
        accuracy_target: What the circuit must reach on the calibration samples, a fraction of 1: of right classes where
            there are labels, else of samples with the float model's class. Bits are raised until it does.
        drift_target: Instead: greatest root mean square error of the outputs, as a fraction of theirs.
        activation_bits: Bits of activations, 4 to 16; 8 unless said otherwise. With a target: where it starts.
        input_bits: Bits of inputs, 4 to 16; 10 unless said otherwise.
        input_scale: Real value of one step of the input, instead of the one that calibration gives.
        input_like: Take the steps and the range of another model's output (its verifying key) or of a commitment as the
            input's, so that proofs can be linked.
        saturate: A circuit that refuses no input: what lies beyond its tables saturates. Tables become
            wider, and proofs cost more, where the worst case asks for it.
        weights: Whether the weights are secret ("private") or known to anyone ("public").
        input: Whether a proof shows the inputs ("public"), nothing of them ("private"), or a commitment to them that
            other proofs can speak of ("committed").
        output: The same for the outputs.
        profile: "standard" for at least 100 bits of security, "high" for at least 128.
        lifetime: Proofs that the commitment to private weights covers before it is renewed; 24 unless said
            otherwise. More make proving slower.
        memory: Bytes that proving one sample may take, as far as can be told beforehand. A larger circuit is cut into
            segments that are proved one by one, in one proof; see `resume` of `Circuit.prove`.
        name: What reports call the model; by default the class of a module, or the name in the file.
        threads: Threads to work with; all that the machine has unless said otherwise.
        progress: Called with the name of each phase, on the calling thread.

    Raises:
        ModelError: The model cannot be exported, read, or turned into a circuit; unsupported operators are listed all
            at once.
        CalibrationError: The calibration data does not fit the model, is empty or not finite, or the target is out of
            reach.
        OptionError: An option is out of its range.
        KeyboardInterrupt: On Ctrl-C, within about a second.

    Example:
        >>> circuit = compile("mnist.onnx", calibration=images)   # doctest: +SKIP
        >>> print(circuit.summary())                              # doctest: +SKIP
    """
    choice("weights", weights, "private", "public")
    choice("input", input, "private", "public", "committed")
    choice("output", output, "private", "public", "committed")
    high = choice("profile", profile, "standard", "high") == "high"
    if lifetime is not None and (isinstance(lifetime, bool) or not isinstance(lifetime, int) or lifetime < 1):
        raise OptionError(f"lifetime: expected an integer of at least 1, got {lifetime!r}")
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int) or not 1 <= memory < 1 << 63):
        raise OptionError(f"memory: expected a number of bytes, got {memory!r}")
    if accuracy_target is not None and drift_target is not None:
        raise OptionError("accuracy_target and drift_target: expected one of them, got both")
    for option, value in (("activation_bits", activation_bits), ("input_bits", input_bits)):
        if value is not None and not (isinstance(value, int) and 4 <= value <= 16):
            raise OptionError(f"{option}: expected an integer from 4 to 16, got {value!r}")
    loaded = _load_model(model, example_inputs, _open(input_shapes, axes, fixed_inputs))
    names = [name for name, _ in loaded.inputs]
    if input_scale is not None and input_like is not None:
        raise OptionError("input_scale and input_like: expected one of them, got both")
    if calibration is None:
        raise CalibrationError("calibration data is missing", hint="pass some real inputs: calibration=array")

    def samples(what: str, data: Data | Iterable[Data] | str | Iterable[str]) -> dict[str, npt.NDArray[np.float32]]:
        return named_samples(what, names, ids_of(model, data) if is_text(data) else data, CalibrationError)

    return Circuit(
        loaded.compile(
            samples("calibration", calibration),
            None if held_out is None else samples("held-out", held_out),
            options={
                "name": name if name is not None or not is_module(model) else type(model).__name__,
                "labels": None if labels is None else labels_list(labels),
                "accuracy_target": accuracy_target,
                "drift_target": drift_target,
                "activation_bits": activation_bits,
                "input_bits": input_bits,
                "input_scale": input_scale,
                "input_like": None if input_like is None else input_like.to_bytes(),
                "saturate": bool(saturate),
                "weights": weights,
                "input": input,
                "output": output,
                "high": high,
                "lifetime": lifetime,
                "memory": memory,
            },
            watch=watch(threads, progress),
        )
    )


def evaluate(
    model: Model,
    x: Data,
    example_inputs: Any = None,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    axes: Mapping[str, int] | None = None,
    fixed_inputs: Mapping[str, float] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Outputs:
    """Runs the model itself in float32, as `compile` sees it: what a circuit's results are compared with.

    Args:
        model: As in `compile`.
        x: Inputs as in `Circuit.run`.
        example_inputs: As in `compile`.
        input_shapes: As in `compile`.
        axes: As in `compile`.
        fixed_inputs: As in `compile`.
        threads: As in `compile`.
        progress: As in `compile`.

    Returns:
        The output as an array, or a dict by name where the model has several.

    Raises:
        ModelError: As `compile`.
        InputError: As `Circuit.run`.
    """
    loaded = _load_model(model, example_inputs, _open(input_shapes, axes, fixed_inputs))
    arrays = named_arrays("input", [name for name, _ in loaded.inputs], x, InputError)
    return single(loaded.evaluate(arrays, watch=watch(threads, progress)))


def _open(
    input_shapes: Mapping[str, Sequence[int]] | None,
    axes: Mapping[str, int] | None,
    fixed_inputs: Mapping[str, float] | None,
) -> native._Open:
    try:
        return {
            "input_shapes": {name: [_extent(d) for d in shape] for name, shape in (input_shapes or {}).items()},
            "axes": {name: _extent(extent) for name, extent in (axes or {}).items()},
            "fixed_inputs": {name: float(number) for name, number in (fixed_inputs or {}).items()},
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise OptionError(f"input_shapes, axes and fixed_inputs: expected dicts of numbers by name: {error}") from error


def _extent(extent: int) -> int:
    if operator.index(extent) < 1:
        raise ValueError(f"{extent} is no extent")
    return operator.index(extent)


def _load_model(model: Model, example_inputs: Any, open: native._Open) -> native.Model:
    if isinstance(model, Checkpoint):
        if example_inputs is not None:
            raise ModelError("example_inputs are for modules; a checkpoint has its own shapes")
        if any(open.values()):
            raise ModelError("input_shapes, axes and fixed_inputs are for files of models, not for checkpoints")
        return model._native
    if is_module(model):
        return native.Model.from_bytes(export(model, example_inputs), type(model).__name__, open)
    if example_inputs is not None:
        raise ModelError("example_inputs are for modules; a file has its own shapes")
    if isinstance(model, bytes | bytearray | memoryview):
        return native.Model.from_bytes(bytes(model), "model bytes", open)
    if isinstance(model, str | os.PathLike):
        return native.Model.load(os.fspath(model), open)
    expected = "a torch.nn.Module, a checkpoint, or a path or the bytes of an ONNX or TensorFlow Lite file"
    raise ModelError(f"expected {expected}, got {type(model).__name__}")
