"""DLRM: embedding bags, pairwise interactions and MLPs, 764 thousand parameters. [Naumov et al. 2019]"""

from itertools import pairwise

import torch
from torch import nn

FEATURES, TABLES, ROWS, WIDTH = 13, 26, 1000, 16


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class Dlrm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(ROWS, WIDTH) for _ in range(TABLES))
        self.bottom = mlp(FEATURES, 512, 256, 64, WIDTH)
        pairs = (TABLES + 1) * TABLES // 2
        self.top = nn.Sequential(mlp(WIDTH + pairs, 256, 128), nn.Linear(128, 1), nn.Sigmoid())
        rows, columns = torch.tril_indices(TABLES + 1, TABLES + 1, -1)
        self.register_buffer("pairs", rows * (TABLES + 1) + columns)

    def forward(self, dense: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        x = self.bottom(dense)
        rows = [table(ids[:, index]) for index, table in enumerate(self.tables)]
        stacked = torch.stack([x, *rows], 1)
        products = (stacked @ stacked.transpose(1, 2)).flatten(1)
        return self.top(torch.cat([x, products[:, self.pairs]], 1))


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return Dlrm(), (torch.randn(1, FEATURES), torch.full((1, TABLES), ROWS - 1))
