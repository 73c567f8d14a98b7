"""ResNet-101 on CIFAR's shape."""

import torch
from torch import nn

from resnet50 import resnet


def build() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return resnet([3, 4, 23, 3]), (torch.randn(1, 3, 32, 32),)
