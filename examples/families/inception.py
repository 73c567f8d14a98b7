"""Inception modules on CIFAR's shape: four branches, factorised kernels. [Szegedy et al. 2015, 2016]"""

import torch
from torch import nn


def convolution(inputs: int, outputs: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Inception(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                convolution(inputs, width, (1, 1)),
                nn.Sequential(convolution(inputs, width, (1, 1)), convolution(width, width, (3, 3))),
                nn.Sequential(
                    convolution(inputs, width, (1, 1)),
                    convolution(width, width, (1, 7)),
                    convolution(width, width, (7, 1)),
                ),
                nn.Sequential(nn.AvgPool2d(3, 1, 1), convolution(inputs, width, (1, 1))),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    module = nn.Sequential(
        convolution(3, 32, (3, 3)),
        nn.MaxPool2d(3, 2),
        Inception(32, 16),
        Inception(64, 32),
        nn.MaxPool2d(3, 2),
        Inception(128, 48),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(192, 10),
    )
    return module, (torch.randn(1, 3, 32, 32),)
