"""`check`: does a model work, and if not, what stands in the way?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _veritorch as native
from ._compile import Model, _open
from ._errors import ModelError
from ._export import export, is_module


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way of a model, or may.

    Attributes:
        node: Node, input or tensor.
        operator: Its operator, or "model".
        source_line: The user's source line, where the exporter kept it.
        reason: What is not supported.
        suggestion: What can be done about it.
    """

    node: str
    operator: str
    source_line: str | None
    reason: str
    suggestion: str | None

    def __str__(self) -> str:
        lines = [f"{self.operator} `{self.node}`: {self.reason}"]
        if self.source_line:
            lines.append(f"    at {self.source_line}")
        if self.suggestion:
            lines.append(f"    try: {self.suggestion}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Check:
    """What `check` found; true where the model works.

    Attributes:
        works: Whether the model compiles, given calibration data.
        obstacles: What stands in the way.
        notes: What depends on the calibration data.
        inputs: Shapes of the inputs by name, where the model loads.
        outputs: The same of the outputs.
        operators: How many there are of each operator of the model graph.
    """

    works: bool
    obstacles: list[Finding]
    notes: list[Finding]
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    operators: dict[str, int]

    def __bool__(self) -> bool:
        return self.works

    def __str__(self) -> str:
        head = "the model works" if self.works else "the model does not work"
        return "\n".join([head, *map(str, self.obstacles), *map(str, self.notes)])


def check(
    model: Model,
    example_inputs: Any = None,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    axes: Mapping[str, int] | None = None,
    fixed_inputs: Mapping[str, float] | None = None,
    seq_len: int | None = None,
) -> Check:
    """Says whether a model works, and if not, which operators or attributes stand in the way; needs no data.

    Args:
        model: As in `compile`, or a Hugging Face folder.
        example_inputs: As in `compile`.
        input_shapes: As in `compile`.
        axes: As in `compile`.
        fixed_inputs: As in `compile`.
        seq_len: Tokens of a sequence, for a folder; 64, or as many as the model has positions for.

    Raises:
        ModelError: The model cannot be exported or read at all.

    Example:
        >>> print(check("model.onnx"))    # doctest: +SKIP
    """
    data = None
    if is_module(model):
        path, data = type(model).__name__, export(model, example_inputs)
    elif isinstance(model, bytes | bytearray | memoryview):
        path, data = "model bytes", bytes(model)
    elif isinstance(model, str | os.PathLike):
        path = os.fspath(model)
    else:
        expected = "a torch.nn.Module, an ONNX or TensorFlow Lite file or a folder"
        raise ModelError(f"expected {expected}, got {type(model).__name__}")
    report = json.loads(native.check(path, data, _open(input_shapes, axes, fixed_inputs), seq_len))
    return Check(
        works=report["works"],
        obstacles=[Finding(**finding) for finding in report["obstacles"]],
        notes=[Finding(**finding) for finding in report["notes"]],
        inputs=report["inputs"],
        outputs=report["outputs"],
        operators=report["operators"],
    )
