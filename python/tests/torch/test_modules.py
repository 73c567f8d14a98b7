"""Ordinary modules go in, compute nearly the same, and are proved."""

import numpy as np
import pytest
import torch
import veritorch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two blocks with a shortcut, one of them strided with a projection."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.first = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
        )
        self.second = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12))
        self.shortcut = nn.Conv2d(8, 12, 1, stride=2)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(x + self.first(x))
        x = F.relu(self.second(x) + self.shortcut(x))
        return self.head(x.mean((2, 3)))


class UNet(nn.Module):
    """Down, up by a transposed convolution, concatenation."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        a = F.relu(self.down(x))
        b = F.relu(self.inner(F.max_pool2d(a, 2)))
        return self.out(torch.cat([a, F.relu(self.up(b))], 1))


class SqueezeExcite(nn.Module):
    """A gate that multiplies activations by activations."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.gate = nn.Sequential(nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Sigmoid())
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = x * self.gate(F.adaptive_avg_pool2d(x, 1))
        return self.head(x.flatten(2).mean(2))


class Split(nn.Module):
    """Slices, splits, transposes and reshapes."""

    def forward(self, x):
        a, b = x.chunk(2, 1)
        y = torch.cat([b[:, :, ::2], a[:, :, 1::2]], 1)
        return y.transpose(1, 2).reshape(x.shape[0], -1) * 0.5 - 0.25


def conv(*layers):
    return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), *layers, nn.Flatten(), nn.LazyLinear(4))


def activation(layer):
    return nn.Sequential(nn.Linear(10, 12), layer, nn.Linear(12, 4))


IMAGE = (1, 2, 8, 8)
MODULES = {
    "mlp": (nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 4)), (1, 10)),
    "cnn with batch norm": (conv(nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()), IMAGE),
    "residual": (Residual(), (1, 3, 8, 8)),
    "u-net": (UNet(), IMAGE),
    "squeeze and excite": (SqueezeExcite(), IMAGE),
    "depthwise": (conv(nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Conv2d(6, 8, 1), nn.ReLU6()), IMAGE),
    "grouped": (conv(nn.Conv2d(6, 12, 3, padding=1, groups=3), nn.ReLU()), IMAGE),
    "strided and dilated": (conv(nn.Conv2d(6, 4, 3, stride=2, padding=2, dilation=2), nn.ReLU()), IMAGE),
    "one-dimensional": (
        nn.Sequential(
            nn.Conv1d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 4, 3, stride=2), nn.Flatten()
        ),
        (1, 3, 16),
    ),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), nn.ReLU()), IMAGE),
    "max pool, padded": (conv(nn.MaxPool2d(3, stride=2, padding=1)), IMAGE),
    "average pool": (conv(nn.ReLU(), nn.AvgPool2d(3, stride=2, padding=1)), IMAGE),
    "adaptive pool": (conv(nn.ReLU(), nn.AdaptiveAvgPool2d(2)), IMAGE),
    "zero pad": (nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(2, 3, 3)), IMAGE),
    "dropout": (nn.Sequential(nn.Linear(10, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3)), (1, 10)),
    "wiring": (Split(), (1, 4, 6)),
    "softmax": (nn.Sequential(nn.Linear(10, 6), nn.Softmax(-1)), (1, 10)),
    **{
        f"activation {layer.__class__.__name__}": (activation(layer), (1, 10))
        for layer in [
            nn.LeakyReLU(0.1),
            nn.PReLU(12),
            nn.Hardtanh(-0.5, 0.7),
            nn.Sigmoid(),
            nn.Tanh(),
            nn.Hardsigmoid(),
            nn.Hardswish(),
            nn.ELU(),
            nn.Softplus(),
        ]
    },
}


def prepare(name):
    torch.manual_seed(len(name))
    module, shape = MODULES[name]
    with torch.no_grad():
        module.train()
        for _ in range(4):
            module(torch.randn(16, *shape[1:]))
    module.eval()
    return module, shape


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    module, shape = prepare(name)
    rng = np.random.default_rng(5)
    samples = rng.standard_normal((64, *shape[1:])).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(samples[:8])).numpy()
    circuit = veritorch.compile(module, torch.zeros(shape), calibration=samples, activation_bits=12, input_bits=14)
    actual = circuit.run(samples[:8])
    assert actual.shape == expected.shape
    scale = np.sqrt(np.mean(expected**2))
    assert np.sqrt(np.mean((actual - expected) ** 2)) < 0.02 * scale
    assert np.abs(actual - expected).max() < 0.1 * scale
    result = veritorch.verify(circuit.verifying_key, circuit.prove(samples[:2]), outputs=circuit.run(samples[:2]))
    assert result.batch == 2 and result.security_bits >= 100
