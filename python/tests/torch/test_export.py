"""How modules and tensors are taken."""

import numpy as np
import pytest
import torch
import veritorch
from torch import nn


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture(scope="module")
def samples():
    return torch.randn(32, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def circuit(module, samples):
    return veritorch.compile(module, samples[:1], calibration=samples)


def test_modes_are_restored(module, samples):
    module.train()
    module[1].eval()
    veritorch.compile(module, samples[:1], calibration=samples)
    assert module.training and module[0].training and not module[1].training and module[2].training


def test_examples_may_be_arrays_or_tuples(module, samples):
    # Public weights have no random masks, so that their commitments can be compared.
    first = veritorch.compile(module, samples[:1], calibration=samples, weights="public")
    for example in (
        samples[:1].numpy(),
        (samples[:1],),
        [samples[:1]],
        {"input": samples[:1]},
        samples[:1].double().numpy(),
    ):
        again = veritorch.compile(module, example, calibration=samples, weights="public")
        assert again.verifying_key == first.verifying_key


def test_tensors_are_data(circuit, module, samples):
    expected = circuit.run(samples.numpy())
    np.testing.assert_array_equal(circuit.run(samples.requires_grad_()), expected)
    np.testing.assert_array_equal(circuit.run(samples.detach()[:1]), expected[:1])
    with torch.no_grad():
        np.testing.assert_allclose(
            veritorch.evaluate(module, samples, samples[:1].detach()), module.eval()(samples), atol=1e-5
        )
    half = samples.detach().bfloat16()
    np.testing.assert_array_equal(circuit.run(half), circuit.run(half.float()))


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 3), nn.Linear(5, 3)

        def forward(self, a, b):
            total = self.left(a) + self.right(b)
            return total, torch.relu(total)

    torch.manual_seed(2)
    module, a, b = Two(), torch.randn(20, 4), torch.randn(20, 5)
    circuit = veritorch.compile(module, (a[:1], b[:1]), calibration={"a": a, "b": b}, weights="public")
    assert circuit.name == "Two"
    assert list(circuit.inputs) == ["a", "b"] and len(circuit.outputs) == 2
    again = veritorch.compile(
        module, {"a": a[:1], "b": b[:1]}, calibration=list(zip(a, b, strict=True)), weights="public"
    )
    assert again.verifying_key == circuit.verifying_key
    outputs = circuit.run((a[:3], b[:3]))
    with torch.no_grad():
        for actual, expected in zip(outputs.values(), module(a[:3], b[:3]), strict=True):
            np.testing.assert_allclose(actual, expected, atol=0.1)
    veritorch.verify(circuit.verifying_key, circuit.prove((a[:1], b[:1])), outputs=circuit.run((a[:1], b[:1])))


def test_errors_name_the_line(samples):
    class Unsupported(nn.Module):
        def forward(self, x):
            y = torch.relu(x)
            return torch.linalg.det(y[:, None] * y[:, :, None])  # the line

    with pytest.raises(veritorch.ModelError) as caught:
        veritorch.compile(Unsupported(), samples[:1].detach(), calibration=samples.detach())
    assert "test_export.py" in str(caught.value)
    assert "torch.linalg.det" in str(caught.value)


def test_what_the_exporter_refuses(samples):
    class Branch(nn.Module):
        def forward(self, x):
            return x if x.sum().item() > 0 else -x

    with pytest.raises(veritorch.ModelError, match="Branch") as caught:
        veritorch.compile(Branch(), samples[:1].detach(), calibration=samples.detach())
    assert caught.value.__cause__ is not None
    with pytest.raises(veritorch.ModelError, match="needs example_inputs"):
        veritorch.compile(Branch(), calibration=samples.detach())
