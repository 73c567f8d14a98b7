"""Trains a small network on points in two spirals and proves its answer for a point that the proof does not show."""

import math

import torch
import veritorch
from torch import nn


def spirals(num_points: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points `[N, 2]` and their classes."""
    label = torch.arange(num_points) % 2
    radius = torch.rand(num_points).sqrt()
    angle = 3 * math.pi * radius + math.pi * label
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return points + 0.02 * torch.randn_like(points), label


torch.manual_seed(0)
points, labels = spirals(2000)
module = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
for _ in range(300):
    loss = nn.functional.cross_entropy(module(points), labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

circuit = veritorch.compile(module, points[:1], calibration=points[:500], labels=labels[:500].tolist())
report = circuit.report
print(f"accuracy: float {report['float_accuracy']:.1%}, circuit {report['accuracy']:.1%}")

fresh, expected = spirals(8)
proof = circuit.prove(fresh)
result = veritorch.verify(circuit.verifying_key, proof)
(logits,) = result.outputs.values()
print(proof)
print(result)
print("proved classes:", logits.argmax(1).tolist(), "labels:", expected.tolist())
