"""EfficientNet-B0's blocks on 64 x 64: squeeze-and-excitation and SiLU. [Tan and Le 2019]"""

import torch
from torch import nn

# expansion, channels, blocks, stride of the first, kernel
STAGES = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]


def convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    ]


class Excitation(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gates = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gates(x)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kernel: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.layers = nn.Sequential(
            *(convolution(inputs, hidden) if expansion > 1 else []),
            *convolution(hidden, hidden, kernel, stride, hidden),
            Excitation(hidden, max(1, inputs // 4)),
            *convolution(hidden, outputs)[:2],
        )
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.skips else self.layers(x)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    layers, channels = convolution(3, 32, 3, 2), 32
    for expansion, outputs, blocks, stride, kernel in STAGES:
        for block in range(blocks):
            layers.append(Block(channels, outputs, stride if block == 0 else 1, expansion, kernel))
            channels = outputs
    layers += [*convolution(channels, 1280), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)]
    return nn.Sequential(*layers), (torch.randn(1, 3, 64, 64),)
