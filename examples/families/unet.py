"""One step of a latent diffusion U-Net. [Rombach et al. 2022]

Convolutions, GroupNorm, SiLU, a time embedding, self- and cross-attention, skips, upsampling.
"""

import torch
from torch import nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

CONTEXT, TIME, HEADS = 128, 256, 4


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.time = nn.Linear(TIME, outputs)
        self.second = nn.Sequential(nn.GroupNorm(8, outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return self.skip(x) + self.second(self.first(x) + self.time(time)[:, :, None, None])


class Attention(nn.Module):
    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(context, width), nn.Linear(context, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
        normal = self.norm(x)
        context = normal if context is None else context
        q, k, v = (
            layer(y).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for layer, y in ((self.q, normal), (self.k, context), (self.v, context))
        )
        return x + self.out(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Spatial(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.own, self.cross = Attention(width, width), Attention(width, CONTEXT)

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return self.cross(self.own(tokens), context).transpose(1, 2).reshape(x.shape)


class UNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        wide = 2 * width
        self.time = nn.Sequential(nn.Linear(TIME, TIME), nn.SiLU(), nn.Linear(TIME, TIME), nn.SiLU())
        self.first = nn.Conv2d(4, width, 3, padding=1)
        self.down1, self.down2, self.down3 = Residual(width, width), Residual(width, wide), Residual(wide, wide)
        self.smaller1, self.smaller2 = nn.Conv2d(width, width, 3, 2, 1), nn.Conv2d(wide, wide, 3, 2, 1)
        self.middle = Spatial(wide)
        self.up3, self.up2, self.up1 = Residual(2 * wide, wide), Residual(2 * wide, width), Residual(2 * width, width)
        self.larger2, self.larger1 = nn.Conv2d(wide, wide, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 4, 3, padding=1))

    def forward(self, x: torch.Tensor, time: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        time = self.time(time)
        x1 = self.down1(self.first(x), time)
        x2 = self.down2(self.smaller1(x1), time)
        x3 = self.middle(self.down3(self.smaller2(x2), time), context)
        y = self.up3(torch.cat([x3, x3], 1), time)
        y = self.up2(torch.cat([self.larger2(interpolate(y, scale_factor=2.0)), x2], 1), time)
        y = self.up1(torch.cat([self.larger1(interpolate(y, scale_factor=2.0)), x1], 1), time)
        return self.last(y)


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return UNet(208), (torch.randn(1, 4, 64, 64), torch.randn(1, TIME), torch.randn(1, 16, CONTEXT))
