"""What callers pass as data becomes float32 arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._errors import CalibrationError, VeritorchError

Array: TypeAlias = npt.NDArray[np.float32]
ArrayLike: TypeAlias = Any
"""A NumPy array, a torch tensor, or nested sequences of numbers."""
Data: TypeAlias = ArrayLike | Mapping[str, ArrayLike] | tuple[ArrayLike, ...]
"""One array for a model with one input; else arrays by name, or a tuple of arrays in the model's order."""

Outputs: TypeAlias = Array | dict[str, Array]


def named_arrays(what: str, names: Sequence[str], data: Data, error: type[VeritorchError]) -> dict[str, Array]:
    """Arrays by name, float32 and contiguous. Shapes are left to the caller.

    Args:
        what: What messages call the data: "input", "calibration" or "output".
        names: The model's names for them, in its order.
        data: What the user gave.
        error: What to raise.
    """
    if isinstance(data, Mapping):
        unnamed = [key for key in data if not isinstance(key, str)]
        if unnamed:
            raise error(f"{what}: names are strings, got {unnamed[0]!r}")
        return {name: float32(what, name, value, error) for name, value in data.items()}
    if isinstance(data, tuple):
        if len(data) != len(names):
            given, wanted = _count(len(data), "array"), _count(len(names), "input")
            raise error(f"{what}: got a tuple of {given}, the model has {wanted}: {', '.join(names)}")
        return {name: float32(what, name, value, error) for name, value in zip(names, data, strict=True)}
    if len(names) != 1:
        raise error(
            f"{what}: got one array, the model has {len(names)} inputs: {', '.join(names)}",
            hint="give a dict of arrays by name, or a tuple in this order",
        )
    return {names[0]: float32(what, names[0], data, error)}


def named_samples(
    what: str, names: Sequence[str], data: Data | Iterable[Data], error: type[VeritorchError]
) -> dict[str, Array]:
    """As `named_arrays`; a list or another iterable holds samples, which are stacked along a new leading axis."""
    if _is_array(data) or isinstance(data, Mapping | tuple | str | bytes) or not isinstance(data, Iterable):
        return named_arrays(what, names, data, error)
    samples = [named_arrays(what, names, sample, error) for sample in data]
    if not samples:
        raise error(f"{what} data is empty", hint="give at least one sample; some hundred are better")
    stacked: dict[str, Array] = {}
    for name in samples[0]:
        arrays = []
        for index, sample in enumerate(samples):
            if sample.keys() != samples[0].keys():
                raise error(f"{what}: sample {index} has {sorted(sample)}, sample 0 has {sorted(samples[0])}")
            if sample[name].shape != samples[0][name].shape:
                raise error(
                    f"{what} `{name}`: sample {index} has shape {list(sample[name].shape)}, "
                    f"sample 0 has {list(samples[0][name].shape)}"
                )
            arrays.append(sample[name])
        stacked[name] = np.stack(arrays)
    return stacked


def float32(what: str, name: str, value: ArrayLike, error: type[VeritorchError]) -> Array:
    """A contiguous float32 array with the same numbers; integers must survive exactly."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float().numpy() if value.is_floating_point() else value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as reason:
        raise error(f"{what} `{name}`: not an array: {reason}") from None
    if array.dtype.kind not in "fiub":
        raise error(f"{what} `{name}`: expected numbers, got dtype {array.dtype}", hint="convert the array to float32")
    if array.dtype == np.float32:
        return np.array(array, order="C", copy=None)
    with np.errstate(over="ignore"):
        narrow = np.array(array, dtype=np.float32, order="C")
    if array.dtype.kind in "iu" and not np.array_equal(narrow.astype(np.float64), array.astype(np.float64)):
        raise error(f"{what} `{name}`: {array.dtype} values beyond 2^24 do not fit float32")
    if array.dtype.kind == "f" and not np.array_equal(np.isfinite(narrow), np.isfinite(array)):
        raise error(f"{what} `{name}`: {array.dtype} values beyond 3.4e38 do not fit float32")
    return narrow


def labels_list(labels: Sequence[int] | npt.NDArray[np.integer[Any]]) -> list[int]:
    """Classes as a list. Raises `CalibrationError` for anything but whole numbers from 0 on one axis."""
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        raise CalibrationError(
            f"labels: expected classes from 0 on one axis, got {array.dtype} with shape {list(array.shape)}",
            hint="one class number per calibration sample",
        )
    return [int(label) for label in array]


def single(outputs: dict[str, Array]) -> Outputs:
    """The only array, or all of them by name."""
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _is_array(value: object) -> bool:
    """Arrays and tensors, and nested lists that end in numbers."""
    if hasattr(value, "__array__"):
        return True
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, int | float)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
