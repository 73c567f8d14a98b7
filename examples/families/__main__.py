"""Proves one sample of a model of each family: `python examples/families [NAME ..]`; needs `veritorch[torch]`.

Models are written in ordinary PyTorch in the files beside this one, each with a function `build()` that gives a module
with random weights and one sample of its inputs.
"""

import importlib
import sys
import time
from pathlib import Path

import torch
import veritorch

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def noise(sample: torch.Tensor, count: int) -> torch.Tensor:
    """Inputs like this one: whole numbers below its greatest, or normal noise."""
    shape = (count, *sample.shape)
    if sample.dtype.is_floating_point:
        return torch.randn(shape)
    return torch.randint(0, int(sample.max()) + 1, shape)


def prove(name: str) -> None:
    torch.manual_seed(0)
    module, inputs = importlib.import_module(name).build()
    module.eval()
    parameters = sum(parameter.numel() for parameter in module.parameters())
    calibration = tuple(noise(sample, 8) for sample in inputs)
    start = time.perf_counter()
    circuit = veritorch.compile(module, inputs, calibration=calibration)
    compiled = time.perf_counter()
    proof = circuit.prove(tuple(sample.numpy() for sample in inputs))
    proved = time.perf_counter()
    verified = veritorch.verify(circuit.verifying_key, proof)
    end = time.perf_counter()
    cosine = min(output["cosine"] for output in circuit.report["outputs"])
    print(
        f"{name:<14} {parameters / 1e6:8.2f} M parameters  compile {compiled - start:7.2f} s  "
        f"prove {proved - compiled:7.2f} s  verify {1e3 * (end - proved):6.0f} ms  "
        f"{verified.security_bits:.1f} bits  cosine {cosine:.5f}",
        flush=True,
    )


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in NAMES]
    if unknown:
        sys.exit(f"no model is called {unknown[0]}; there are {', '.join(NAMES)}")
    for name in sys.argv[1:] or NAMES:
        prove(name)
