"""SqueezeNet 1.1 on 64 x 64: fire modules, concatenated. [Iandola et al. 2016]"""

import torch
from torch import nn


class Fire(nn.Module):
    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(inputs, squeezed, 1), nn.ReLU())
        self.expand1 = nn.Sequential(nn.Conv2d(squeezed, expanded, 1), nn.ReLU())
        self.expand3 = nn.Sequential(nn.Conv2d(squeezed, expanded, 3, padding=1), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze(x)
        return torch.cat([self.expand1(x), self.expand3(x)], 1)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    module = nn.Sequential(
        nn.Conv2d(3, 64, 3, 2),
        nn.ReLU(),
        pool,
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        pool,
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        pool,
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
        nn.Conv2d(512, 10, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return module, (torch.randn(1, 3, 64, 64),)
