"""ShuffleNetV2 0.5x on 64 x 64: channels split, shuffled and concatenated. [Ma et al. 2018]"""

import torch
from torch import nn


def pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels)]


class Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        self.left = nn.Sequential(*depthwise(inputs, 2), *pointwise(inputs, half)) if stride == 2 else nn.Identity()
        inputs = inputs if stride == 2 else half
        self.right = nn.Sequential(*pointwise(inputs, half), *depthwise(half, stride), *pointwise(half, half))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = (x, x) if self.stride == 2 else x.chunk(2, 1)
        x = torch.cat([self.left(left), self.right(right)], 1)
        return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    layers, channels = [nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 24
    for outputs, units in ((48, 4), (96, 8), (192, 4)):
        for unit in range(units):
            layers.append(Unit(channels, outputs, 2 if unit == 0 else 1))
            channels = outputs
    return nn.Sequential(
        *layers, *pointwise(channels, 1024), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10)
    ), (torch.randn(1, 3, 64, 64),)
