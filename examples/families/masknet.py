"""MaskNet: LayerNorm of embeddings gated by instance-guided masks, 46 million parameters. [Wang et al. 2021]"""

import torch
from torch import nn

WIDTH, HIDDEN, BLOCKS, OUTPUTS = 1536, 2048, 4, 512


class MaskBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, WIDTH))
        self.hidden = nn.Sequential(nn.Linear(WIDTH, OUTPUTS), nn.LayerNorm(OUTPUTS), nn.ReLU())

    def forward(self, x: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
        return self.hidden(self.mask(x) * normal)


class MaskNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(MaskBlock() for _ in range(BLOCKS))
        self.top = nn.Sequential(
            nn.Linear(BLOCKS * OUTPUTS, 7000),
            nn.ReLU(),
            nn.Linear(7000, 512),
            nn.ReLU(),
            nn.Linear(512, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normal = self.norm(x)
        return self.top(torch.cat([block(x, normal) for block in self.blocks], -1))


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return MaskNet(), (torch.randn(1, WIDTH),)
