"""Makes the fixtures beside this file: small random networks, exported by PyTorch, with their outputs.

Needs torch, onnx, onnxscript and numpy: `python generate.py`. Each network NAME gives NAME.onnx and NAME.npz (`in0`, ..,
`out0`, ..). The suffix says which exporter wrote the file: `dynamo` (torch.export, opset 18) or `opsetN` (TorchScript).
"""

import os
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(0)


class Residual1d(nn.Module):
    """One-dimensional, grouped and dilated convolutions with batch normalisation and a residual sum."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(3, 8, 3, padding=1)
        self.first_norm = nn.BatchNorm1d(8)
        self.second = nn.Conv1d(8, 8, 5, padding=4, dilation=2, groups=4, bias=False)
        self.second_norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 4)
        self.head_norm = nn.BatchNorm1d(4)

    def forward(self, x):
        x = F.relu(self.first_norm(self.first(x)))
        x = F.relu(x + self.second_norm(self.second(x)))
        x = F.max_pool1d(x, 2)
        return self.head_norm(self.head(x.mean(-1)))


class Mobile(nn.Module):
    """Depthwise convolutions, clipped and hard-swish activations, dropout."""

    def __init__(self):
        super().__init__()

        def block(i, o, k, stride=1, groups=1, act=nn.ReLU6):
            layers = [nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
            return nn.Sequential(*layers, *([act()] if act else []))

        self.stem = block(3, 4, 3, 2)
        self.expand = block(4, 8, 1)
        self.depthwise = block(8, 8, 3, 1, 8)
        self.project = block(8, 4, 1, act=None)
        self.head = block(4, 6, 3, 2, act=nn.Hardswish)
        self.classify = nn.Linear(6, 5)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.project(self.depthwise(self.expand(x)))
        x = F.adaptive_avg_pool2d(self.head(x), 1)
        return self.classify(self.dropout(torch.flatten(x, 1)))


class UNet(nn.Module):
    """A transposed convolution, a skip by concatenation, two outputs, one of them an argmax."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 4, 3, padding=1)
        self.down2 = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.prelu = nn.PReLU(8)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        a = F.leaky_relu(self.down1(x))
        b = self.prelu(self.down2(a))
        u = F.elu(self.norm(self.up(b)))
        y = self.out(torch.cat([a, u], 1))
        return torch.sigmoid(y), y.argmax(1)


class Transposed1d(nn.Module):
    """One-dimensional transposed convolutions: groups, dilation, output padding."""

    def __init__(self):
        super().__init__()
        self.first = nn.ConvTranspose1d(4, 6, 4, stride=3, padding=1, dilation=2, groups=2, output_padding=2)
        self.second = nn.ConvTranspose1d(6, 3, 2, stride=2, bias=False)

    def forward(self, x):
        return self.second(F.relu(self.first(x)))


class Shapes(nn.Module):
    """View, permute, split, cat, pad, slice, expand, softmax, and shape arithmetic that folds."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 6)

    def forward(self, x):
        b, c, h, w = x.shape
        y = x.view(b, c, h * w).permute(0, 2, 1).reshape(b, h * w, c)
        p, q = torch.split(y, [h, h * w - h], dim=1)
        z = torch.cat([q, p], dim=1).transpose(1, 2).unsqueeze(1).squeeze(1)
        z = F.pad(z, (1, 2), value=0.5)[:, :, ::2][:, -3:, 1:5]
        z = z.flatten(1)
        return F.softmax(self.head(z), -1), torch.tanh(z).sum(1, keepdim=True).expand(b, 3), z.mean(dim=1)


class Windows(nn.Module):
    """Pools and paddings of every form, and activations."""

    def forward(self, x):
        return (
            F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.max_pool2d(x, 2, 1, dilation=2),
            F.pad(x, (2, 1, 1, 2), mode="reflect"),
            F.pad(x, (2, 1, 1, 2), mode="replicate"),
            F.pad(x, (2, 1, 1, 2), mode="circular"),
            F.softplus(x) - F.softplus(x, beta=2.0, threshold=15.0),
            F.hardsigmoid(x),
            F.adaptive_max_pool2d(x, 1),
            x.amax((2, 3)),
            -x / 3.0 + 2 - x * 0.5,
            torch.clamp(x, -0.3, 0.7),
        )


class Gated(nn.Module):
    """Two inputs, products of activations, batch normalisation behind a product."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6)
        self.b = nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x, y):
        h = self.norm(torch.sigmoid(self.a(x)) * torch.tanh(self.b(y)))
        return h @ h.t(), F.silu(h)


class Attention(nn.Module):
    """Two heads of attention and a residual sum."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        heads = lambda z: z.reshape(b, t, 2, 4).transpose(1, 2)
        a = F.softmax(heads(q) @ heads(k).transpose(-1, -2) / 2.0, -1)
        return self.out((a @ heads(v)).transpose(1, 2).reshape(b, t, c)) + x


class Unsupported(nn.Module):
    """Operators without a lowering."""

    def forward(self, x):
        y = torch.rand_like(x)
        y = torch.bernoulli(y)
        return torch.randn_like(y + torch.relu(x))


NETWORKS = [
    ("residual1d", Residual1d, [(1, 3, 16)], ["dynamo", "opset11"]),
    ("mobile", Mobile, [(1, 3, 12, 12)], ["dynamo", "opset13"]),
    ("unet", UNet, [(1, 1, 8, 8)], ["dynamo", "opset17"]),
    ("transposed1d", Transposed1d, [(1, 4, 5)], ["opset17"]),
    ("shapes", Shapes, [(1, 3, 4, 5)], ["opset11", "dynamo"]),
    ("windows", Windows, [(1, 2, 7, 6)], ["dynamo", "opset11"]),
    ("gated", Gated, [(1, 6), (1, 6)], ["opset13"]),
    ("attention", Attention, [(1, 5, 8)], ["dynamo"]),
    ("unsupported", Unsupported, [(1, 4)], ["dynamo"]),
]


def randomise(module):
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
        if isinstance(part, nn.PReLU):
            nn.init.uniform_(part.weight, -0.5, 0.5)


def export(module, inputs, path, exporter):
    if exporter == "dynamo":
        torch.onnx.export(module, inputs, path, dynamo=True, opset_version=18, external_data=False, verbose=False)
        strip_folders(path)
        return
    torch.onnx.export(
        module,
        inputs,
        path,
        dynamo=False,
        opset_version=int(exporter.removeprefix("opset")),
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=[f"in{k}" for k in range(len(inputs))],
        dynamic_axes={f"in{k}": {0: "batch"} for k in range(len(inputs))},
    )


def strip_folders(path):
    """Traces name files by absolute paths: only what follows this folder, or the environment's, stays."""
    model = onnx.load(path)
    folders = [os.path.dirname(os.path.abspath(__file__)) + "/", os.path.dirname(os.path.dirname(os.path.dirname(torch.__file__))) + "/"]
    for node in model.graph.node:
        for entry in node.metadata_props:
            for folder in folders:
                entry.value = entry.value.replace(folder, "")
    onnx.save(model, path)


def main():
    for name, network, shapes, exporters in NETWORKS:
        module = network()
        randomise(module)
        module.eval()
        inputs = tuple(torch.randn(*shape) for shape in shapes)
        with torch.no_grad():
            outputs = module(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        arrays = {f"in{k}": x for k, x in enumerate(inputs)} | {f"out{k}": y for k, y in enumerate(outputs)}
        for exporter in exporters:
            export(module, inputs, f"{name}_{exporter}.onnx", exporter)
        np.savez(f"{name}.npz", **{key: array.numpy().astype(np.float32) for key, array in arrays.items()})


if __name__ == "__main__":
    main()
