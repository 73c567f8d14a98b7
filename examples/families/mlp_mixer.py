"""MLP-Mixer on 64 patches. [Tolstikhin et al. 2021]"""

import torch
from torch import nn


def mlp(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Mixer(nn.Module):
    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.tokens, self.channels = mlp(patches, 2 * patches), mlp(width, 4 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norms[1](x))


class MlpMixer(nn.Module):
    def __init__(self, width: int = 128, depth: int = 8, patches: int = 64) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.mixers = nn.Sequential(*(Mixer(patches, width) for _ in range(depth)), nn.LayerNorm(width))
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.mixers(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return MlpMixer(), (torch.randn(1, 3, 32, 32),)
