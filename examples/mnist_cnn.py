"""Proves the class of a handwritten digit without showing the image."""

from pathlib import Path

import numpy as np
import veritorch

DATA = Path(__file__).parent.parent / "demo" / "data"

with np.load(DATA / "mnist.npz") as data:
    images = data["images"][:, None].astype(np.float32)  # [8, 1, 28, 28], grey values 0..255 as the model wants them
    calibration = data["calibration"][:, None].astype(np.float32)
    labels = data["labels"]

circuit = veritorch.compile(DATA / "mnist_cnn.onnx", calibration=calibration)
print(circuit.summary())

proof = circuit.prove(images[:1])
print(proof)

result = veritorch.verify(circuit.verifying_key, proof)
(logits,) = result.outputs.values()
print(result, "- the digit is a", logits.argmax(), "and its label is", labels[0])
