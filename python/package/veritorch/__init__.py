"""Proofs that a committed neural network, run on an input, gives an output.

>>> import numpy as np, veritorch
>>> circuit = veritorch.compile("mnist.onnx", calibration=images[:100])    # doctest: +SKIP
>>> proof = circuit.prove(images[100])                                     # doctest: +SKIP
>>> veritorch.verify(circuit.verifying_key, proof)                         # doctest: +SKIP
Verification(valid, 1 sample, 101.3 bits)

`compile` turns a model into an integer circuit and commits to its weights, `Circuit.run` computes, `Circuit.prove`
proves, `verify` checks with nothing but the verifying key and the proof. Arrays are float32 in the model's own units.
"""

from ._check import Check, Finding, check
from ._checkpoint import Checkpoint, from_pretrained
from ._circuit import Circuit, load
from ._commit import commit
from ._commitment import Commitment, CommittedArray
from ._compile import compile, evaluate
from ._errors import (
    ArtifactError,
    CalibrationError,
    InputError,
    LedgerError,
    ModelError,
    OptionError,
    ProofError,
    RefusedInput,
    SaturationWarning,
    VerificationError,
    VeritorchError,
)
from ._proof import Proof, Verification, VerifyingKey, verify
from ._text import Text, verify_hidden_text, verify_seed, verify_text
from ._veritorch import __version__

__all__ = [
    "ArtifactError",
    "CalibrationError",
    "Check",
    "Checkpoint",
    "Circuit",
    "Commitment",
    "CommittedArray",
    "Finding",
    "InputError",
    "LedgerError",
    "ModelError",
    "OptionError",
    "Proof",
    "ProofError",
    "RefusedInput",
    "SaturationWarning",
    "Text",
    "Verification",
    "VerificationError",
    "VerifyingKey",
    "VeritorchError",
    "__version__",
    "check",
    "commit",
    "compile",
    "evaluate",
    "from_pretrained",
    "load",
    "verify",
    "verify_hidden_text",
    "verify_seed",
    "verify_text",
]

# Tracebacks and pickles name classes as users do.
for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
del _name
