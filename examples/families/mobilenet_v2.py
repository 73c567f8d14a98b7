"""MobileNetV2 at 224 x 224: depthwise convolutions in inverted residuals. [Sandler et al. 2018]"""

import torch
from torch import nn

# expansion, channels, blocks, stride of the first
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    ]


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = convolution(inputs, hidden) if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand, *convolution(hidden, hidden, 3, stride, hidden), *convolution(hidden, outputs)[:2]
        )
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.skips else self.layers(x)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    layers, channels = convolution(3, 32, 3, 2), 32
    for expansion, outputs, blocks, stride in STAGES:
        for block in range(blocks):
            layers.append(InvertedResidual(channels, outputs, stride if block == 0 else 1, expansion))
            channels = outputs
    layers += [*convolution(channels, 1280), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers), (torch.randn(1, 3, 224, 224),)
