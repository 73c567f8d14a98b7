"""A bidirectional LSTM over 32 steps, unrolled. [Hochreiter and Schmidhuber 1997]"""

import torch
from torch import nn


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(32, 64, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.layers(x)
        return self.head(states.mean(1))


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return Lstm(), (torch.randn(1, 32, 32),)
