"""`torch.nn.Module` to ONNX bytes. The only file that needs torch."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._errors import ModelError

if TYPE_CHECKING:
    import torch

OPSET = 20
"""Operator set that modules are exported with."""


def is_module(model: object) -> bool:
    """Whether this is a `torch.nn.Module`, without importing torch for those who have none."""
    return any(base.__name__ == "Module" and base.__module__.startswith("torch.nn") for base in type(model).__mro__)


def export(module: torch.nn.Module, example_inputs: Any) -> bytes:
    """ONNX bytes of a module in evaluation mode, with the shapes of the example inputs.

    Raises:
        ModelError: Without torch and onnxscript, without example inputs, or where the exporter fails.
    """
    try:
        import onnxscript  # noqa: F401
        import torch
    except ImportError as missing:
        raise ModelError(
            f"a module needs `{missing.name}`, which is not installed",
            hint="pip install 'veritorch[torch]', or export to ONNX elsewhere and pass the file",
        ) from missing
    if example_inputs is None:
        raise ModelError(
            "a module needs example_inputs: its shapes are taken from them",
            hint="pass one sample, such as example_inputs=torch.zeros(1, 3, 32, 32)",
        )
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(example_inputs, Mapping):
        kwargs = {name: _tensor(value) for name, value in example_inputs.items()}
    elif isinstance(example_inputs, tuple | list):
        args = tuple(_tensor(value) for value in example_inputs)
    else:
        args = (_tensor(example_inputs),)
    with _evaluating(module), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                module, args, kwargs=kwargs, dynamo=True, opset_version=OPSET, external_data=False, verbose=False
            )
        except Exception as reason:
            raise ModelError(f"torch.onnx.export fails on {type(module).__name__}: {_innermost(reason)}") from reason
    if program is None:
        raise ModelError(f"torch.onnx.export gave no program for {type(module).__name__}")
    return bytes(program.model_proto.SerializeToString())


def _tensor(value: Any) -> Any:
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        return value
    array = np.asarray(value)
    return torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)


@contextlib.contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every submodule's own mode after."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
