"""ConvNeXt of two stages on 64 x 64: 7 x 7 depthwise convolutions and LayerNorm over channels. [Liu et al. 2022]"""

import torch
from torch import nn


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (self.scale * self.mlp(self.depthwise(x).movedim(1, -1))).movedim(-1, 1)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    module = nn.Sequential(
        nn.Conv2d(3, 64, 4, 4), ChannelNorm(64), Block(64), Block(64),
        ChannelNorm(64), nn.Conv2d(64, 128, 2, 2), Block(128), Block(128), Block(128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(128), nn.Linear(128, 10),
    )  # fmt: skip
    return module, (torch.randn(1, 3, 64, 64),)
