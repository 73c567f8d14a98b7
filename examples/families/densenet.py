"""DenseNet-BC on CIFAR's shape, three blocks of six layers: every layer reads all before it. [Huang et al. 2017]"""

import torch
from torch import nn

GROWTH, LAYERS = 12, 6


def unit(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)]


class Dense(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*unit(inputs, 4 * GROWTH, 1), *unit(4 * GROWTH, GROWTH, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.layers(x)], 1)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    channels = 2 * GROWTH
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1, bias=False)]
    for block in range(3):
        for _ in range(LAYERS):
            layers.append(Dense(channels))
            channels += GROWTH
        if block < 2:
            layers += [*unit(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers), (torch.randn(1, 3, 32, 32),)
