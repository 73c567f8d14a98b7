"""Makes the transformers beside this file: small random networks in plain PyTorch, exported by both exporters, in the
eager form of attention and in the fused one, with their outputs.

Needs torch, onnx, onnxscript and numpy: `python generate_transformers.py`. Each network NAME gives NAME.npz (`in0`, `out0`)
and files NAME_FORM.onnx. FORM: `eager18`, `fused20` and `fused23` come from torch.export with that operator set, `old14`
(eager) and `oldfused17` from TorchScript.
"""

import math
import os
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

from generate import strip_folders

warnings.filterwarnings("ignore")

LENGTH = 6
WIDTH = 16


def split(x, heads):
    b, t, c = x.shape
    return x.view(b, t, heads, c // heads).transpose(1, 2)


def join(x):
    b, h, t, c = x.shape
    return x.transpose(1, 2).reshape(b, t, h * c)


class Conv1D(nn.Module):
    """GPT-2's dense layer, its weight the other way round."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(inputs, outputs))
        self.bias = nn.Parameter(0.1 * torch.randn(outputs))

    def forward(self, x):
        shape = x.size()[:-1] + self.bias.shape
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(shape)


class Gpt2(nn.Module):
    """Learned positions, LayerNorm before each half, a causal mask by `where`, GELU with tanh, tied embeddings."""

    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.tokens = nn.Embedding(11, WIDTH)
        self.positions = nn.Embedding(8, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.attend, self.project = Conv1D(WIDTH, 3 * WIDTH), Conv1D(WIDTH, WIDTH)
        self.grow, self.shrink = Conv1D(WIDTH, 2 * WIDTH), Conv1D(2 * WIDTH, WIDTH)
        self.register_buffer("mask", torch.tril(torch.ones(8, 8, dtype=torch.bool)).view(1, 1, 8, 8))

    def gelu(self, x):
        if self.fused:
            return F.gelu(x, approximate="tanh")
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))

    def forward(self, ids):
        t = ids.shape[1]
        x = self.tokens(ids) + self.positions(torch.arange(t, device=ids.device).unsqueeze(0))
        q, k, v = (split(z, 2) for z in self.attend(self.norms[0](x)).split(WIDTH, dim=2))
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            w = torch.matmul(q, k.transpose(-1, -2)) / torch.full([], v.size(-1) ** 0.5)
            w = torch.where(self.mask[:, :, :t, :t], w, torch.full([], torch.finfo(w.dtype).min))
            a = torch.matmul(F.softmax(w, dim=-1), v)
        x = x + self.project(join(a))
        x = x + self.shrink(self.gelu(self.grow(self.norms[1](x))))
        return self.norms[2](x) @ self.tokens.weight.t()


class WrittenNorm(nn.Module):
    """LayerNorm as old code writes it."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(1 + 0.1 * torch.randn(WIDTH)), nn.Parameter(0.1 * torch.randn(WIDTH))

    def forward(self, x):
        u = x.mean(-1, keepdim=True)
        s = (x - u).pow(2).mean(-1, keepdim=True)
        return self.weight * ((x - u) / torch.sqrt(s + 1e-12)) + self.bias


class Bert(nn.Module):
    """Token types, a padding mask, LayerNorm behind each half, GELU with erf, the pooler, a sentence embedding."""

    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.tokens, self.positions, self.types = nn.Embedding(13, WIDTH), nn.Embedding(8, WIDTH), nn.Embedding(2, WIDTH)
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH, eps=1e-12), WrittenNorm(), nn.LayerNorm(WIDTH, eps=1e-12)])
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.grow, self.shrink, self.pool = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.register_buffer("mask", torch.tensor([[1.0] * (LENGTH - 2) + [0.0] * 2]))
        self.register_buffer("position_ids", torch.arange(8).unsqueeze(0))

    def gelu(self, x):
        return F.gelu(x) if self.fused else x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))

    def forward(self, ids):
        b, t = ids.shape
        types = torch.zeros(b, t, dtype=torch.long, device=ids.device)
        x = self.norms[0](self.tokens(ids) + self.types(types) + self.positions(self.position_ids[:, :t]))
        q, k, v = (split(layer(x), 4) for layer in (self.query, self.key, self.value))
        bias = (1.0 - self.mask[:, None, None, :]) * torch.finfo(torch.float32).min
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask[:, None, None, :].bool().expand(b, 4, t, t))
        else:
            a = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias, dim=-1) @ v
        x = self.norms[1](x + self.out(join(a)))
        x = self.norms[2](x + self.shrink(self.gelu(self.grow(x))))
        m = self.mask.unsqueeze(-1).expand(x.size())
        mean = (x * m).sum(1) / torch.clamp(m.sum(1), min=1e-9)
        return torch.tanh(self.pool(x[:, 0])), F.normalize(mean, p=2, dim=1)


class Vit(nn.Module):
    """Patches by a convolution, a class token, attention without a mask."""

    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(0.1 * torch.randn(1, 5, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(3))
        self.attend, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.grow, self.shrink, self.head = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, 5)

    def forward(self, image):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        b, n, c = x.shape
        q, k, v = self.attend(self.norms[0](x)).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v)
        else:
            a = ((q * (c // 2) ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        x = x + self.project(join(a))
        x = x + self.shrink(F.gelu(self.grow(self.norms[1](x))))
        return self.head(self.norms[2](x)[:, 0])


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.1 * torch.randn(WIDTH))

    def forward(self, x):
        x = x.to(torch.float32)
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Llama(nn.Module):
    """Grouped-query attention, rotary positions, RMSNorm, SwiGLU, a mask of minus infinity; the greatest logit's token."""

    def __init__(self, fused):
        super().__init__()
        self.fused, self.heads, self.kv_heads, self.size = fused, 4, 2, WIDTH // 4
        self.tokens = nn.Embedding(11, WIDTH)
        self.norms = nn.ModuleList(nn.RMSNorm(WIDTH, eps=1e-6) if fused else RmsNorm() for _ in range(3))
        narrow = self.kv_heads * self.size
        self.query, self.key = nn.Linear(WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, narrow, bias=False)
        self.value, self.out = nn.Linear(WIDTH, narrow, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate, self.up = nn.Linear(WIDTH, 24, bias=False), nn.Linear(WIDTH, 24, bias=False)
        self.down, self.head = nn.Linear(24, WIDTH, bias=False), nn.Linear(WIDTH, 11, bias=False)
        self.register_buffer("frequencies", 1.0 / (10000.0 ** (torch.arange(0, self.size, 2).float() / self.size)))

    def rotate(self, x, cos, sin):
        half = x.shape[-1] // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * cos + turned * sin

    def forward(self, ids):
        b, t = ids.shape
        x = self.tokens(ids)
        angles = torch.arange(t, device=ids.device).float()[:, None] * self.frequencies[None, :]
        angles = torch.cat((angles, angles), dim=-1)
        cos, sin = angles.cos()[None, None], angles.sin()[None, None]
        h = self.norms[0](x)
        q, k, v = split(self.query(h), self.heads), split(self.key(h), self.kv_heads), split(self.value(h), self.kv_heads)
        q, k = self.rotate(q, cos, sin), self.rotate(k, cos, sin)
        repeats = self.heads // self.kv_heads
        k, v = (
            z[:, :, None].expand(b, self.kv_heads, repeats, t, self.size).reshape(b, self.heads, t, self.size) for z in (k, v)
        )
        mask = torch.triu(torch.full((t, t), float("-inf"), device=ids.device), diagonal=1)
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            a = F.softmax(q @ k.transpose(2, 3) / math.sqrt(self.size) + mask, dim=-1) @ v
        x = x + self.out(join(a))
        h = self.norms[1](x)
        x = x + self.down(F.silu(self.gate(h)) * self.up(h))
        logits = self.head(self.norms[2](x))
        return logits, logits[:, -1].argmax(-1)


FORMS = ["eager18", "fused20", "fused23", "old14", "oldfused17"]
NETWORKS = [
    ("gpt2", Gpt2, FORMS, torch.tensor([[3, 1, 4, 1, 5, 9]])),
    ("bert", Bert, FORMS, torch.tensor([[2, 7, 1, 8, 2, 8]])),
    ("vit", Vit, FORMS, None),
    # TorchScript has no RMSNorm
    ("llama", Llama, FORMS[:-1], torch.tensor([[1, 6, 1, 8, 0, 3]])),
]


def export(module, x, path, form):
    if form.startswith("old"):
        opset = int(form[-2:])
        torch.onnx.export(module, (x,), path, dynamo=False, opset_version=opset, input_names=["x"], do_constant_folding=False)
        return
    torch.onnx.export(module, (x,), path, dynamo=True, opset_version=int(form[-2:]), external_data=False, verbose=False)
    strip_folders(path)
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key == "pkg.torch.onnx.stack_trace"]
        frames = [(entry.key, "\n".join(entry.value.splitlines()[-2:])) for entry in kept]
        del node.metadata_props[:]
        for key, value in frames:
            node.metadata_props.add(key=key, value=value)
    for value in model.graph.value_info:
        del value.metadata_props[:]
    onnx.save(model, path)


def main():
    for name, network, forms, x in NETWORKS:
        torch.manual_seed(0)
        modules = {fused: network(fused).eval() for fused in (False, True)}
        names = dict(modules[False].named_parameters())
        for key, parameter in modules[False].named_parameters():
            if key.startswith("norms"):
                parameter.data += 0.2 * torch.randn_like(parameter)
        for key, parameter in modules[True].named_parameters():
            parameter.data = names[key].data.clone()
        x = torch.randn(1, 3, 8, 8) if x is None else x
        with torch.no_grad():
            outputs = modules[False](x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        arrays = {"in0": x} | {f"out{k}": y for k, y in enumerate(outputs)}
        np.savez(f"{name}.npz", **{key: array.numpy().astype(np.float32) for key, array in arrays.items()})
        for form in forms:
            export(modules["fused" in form], x, f"{name}_{form}.onnx", form)


if __name__ == "__main__":
    main()
