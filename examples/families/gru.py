"""A GRU over 32 steps, unrolled. [Cho et al. 2014]"""

import torch
from torch import nn


class Gru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.layers(x)
        return self.head(states[:, -1])


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return Gru(), (torch.randn(1, 32, 32),)
