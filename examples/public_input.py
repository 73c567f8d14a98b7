"""A proof that shows its input, made by the model's owner and checked by someone who has only two small files."""

import tempfile
from pathlib import Path

import numpy as np
import veritorch

DATA = Path(__file__).parent.parent / "demo" / "data"

with np.load(DATA / "mnist.npz") as data:
    images = data["images"][:, None].astype(np.float32)
    calibration = data["calibration"][:, None].astype(np.float32)

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)

    # The owner of the model
    circuit = veritorch.compile(DATA / "mnist_cnn.onnx", calibration=calibration, input="public")
    circuit.save(folder / "mnist.vt")  # and mnist.vk beside it
    circuit.prove(images[3:4]).save(folder / "digit.proof")

    # Anyone else: is this what the committed model says about *this* image?
    result = veritorch.verify(folder / "mnist.vk", folder / "digit.proof", inputs=images[3:4])
    (logits,) = result.outputs.values()
    print(result, "- the digit is a", logits.argmax())

    try:
        veritorch.verify(folder / "mnist.vk", folder / "digit.proof", inputs=images[4:5])
    except veritorch.VerificationError as error:
        print(f"for another image: {error} (check: {error.check})")
