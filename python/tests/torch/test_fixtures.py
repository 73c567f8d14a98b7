"""veritorch's float model against onnxruntime and torch: the importer reads what the exporter writes."""

import io

import numpy as np
import onnxruntime
import pytest
import torch
import veritorch
from torch import nn

from .test_modules import MODULES, prepare


def exported(module: nn.Module, shape: tuple[int, ...], opset: int, dynamo: bool) -> bytes:
    example = torch.zeros(shape)
    if dynamo:
        program = torch.onnx.export(
            module, (example,), dynamo=True, opset_version=opset, external_data=False, verbose=False
        )
        return program.model_proto.SerializeToString()
    buffer = io.BytesIO()
    torch.onnx.export(module, (example,), buffer, dynamo=False, opset_version=opset)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("opset", "dynamo"), [(11, False), (13, False), (17, False), (18, True), (21, True)])
@pytest.mark.parametrize("name", MODULES)
def test_float_model_equals_onnxruntime(name, opset, dynamo):
    module, shape = prepare(name)
    if opset < 14 and "Hardswish" in name:
        # before opset 14 it is exported as its parts
        assert not dynamo
    data = exported(module, shape, opset, dynamo)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(opset).standard_normal(shape).astype(np.float32)
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(veritorch.evaluate(data, x), expected, atol=1e-4, rtol=1e-4)
