"""Proves a trained CIFAR-10 network on real images, verifies the proofs, and shows that lies are refused.

`make demo` builds everything that this needs and runs it.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import veritorch

DATA = Path(__file__).parent / "data"
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
# Where the weights of the first convolution begin in resnet20.onnx: little-endian float32.
FIRST_WEIGHT = 4209


def main() -> None:
    """Everything, in the order in which it is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, help="threads to work with; all of the machine by default")
    parser.add_argument("--html", type=Path, help="write the graph and the plan as a page")
    arguments = parser.parse_args()
    threads, html = arguments.threads, arguments.html

    with np.load(DATA / "cifar10.npz") as data:
        images, calibration = (normalise(data[name]) for name in ("images", "calibration"))
        labels = data["labels"]
    model = DATA / "resnet20.onnx"
    print(f"veritorch {veritorch.__version__}, {threads or os.cpu_count()} threads, {platform.machine()}")
    print(
        "\nResNet-20, trained on CIFAR-10, 0.27 million weights; the logits are public, image and weights stay secret"
    )

    with Phase("compile and commit to the weights"):
        circuit = veritorch.compile(model, calibration=calibration, threads=threads)
    key = circuit.verifying_key
    with Phase("float model on 8 images"):
        expected = veritorch.evaluate(model, images, threads=threads)
    with Phase("integer model on 8 images"):
        actual = circuit.run(images, threads=threads)
    print("\n  image  label        float model  integer model")
    for index, label in enumerate(labels):
        names = (CLASSES[label], CLASSES[expected[index].argmax()], CLASSES[actual[index].argmax()])
        print(f"  {index:5}  {names[0]:11}  {names[1]:11}  {names[2]:11}")
    agreement = np.mean(expected.argmax(1) == actual.argmax(1))
    drift = np.sqrt(np.mean((expected - actual) ** 2) / np.mean(expected**2))
    print(f"\n  same class: {agreement:.1%}    difference of the logits: {drift:.2%} (root mean square)")
    total = circuit.report["total"]
    print("  no input can be refused" if total else "  inputs far from the calibration data can be refused")

    print("\nOne image")
    with Phase("prove"):
        proof = circuit.prove(images[:1], threads=threads)
    with Phase("verify"):
        result = veritorch.verify(key, proof, threads=threads)
    for phase, seconds in proof.timings.items():
        print(f"    of which {phase:30} {seconds * 1000:8.1f} ms")
    (logits,) = result.outputs.values()
    print(f"  proved class: {CLASSES[logits.argmax()]}")
    print(f"  proof: {len(proof):,} bytes    security: {result.security_bits:.1f} bits")

    print("\nEight images in one proof")
    with Phase("prove"):
        batch = circuit.prove(images, threads=threads)
    with Phase("verify"):
        result = veritorch.verify(key, batch, outputs=actual, threads=threads)
    print(f"  proof: {len(batch):,} bytes    security: {result.security_bits:.1f} bits")

    print("\nLies")
    outputs = [list(values) for values in proof.statement_outputs]
    outputs[0][0] += 1
    refused("an output that is one step higher", key, proof.replace(outputs=outputs))
    transcript = bytearray(proof.transcript)
    transcript[len(transcript) // 2] ^= 1
    refused("one bit of the proof changed", key, proof.replace(transcript=bytes(transcript)))
    other = veritorch.compile(one_weight_changed(model), calibration=calibration, threads=threads)
    refused("a proof for a model with one weight changed", key, other.prove(images[:1], threads=threads))

    if html:
        circuit.inspect(html=html)
        print(f"\nThe graph and the plan: {html}")


def normalise(images: np.ndarray) -> np.ndarray:
    """`uint8 [N, 3, 32, 32]` to what the network was trained on."""
    return ((images.astype(np.float32) / 255 - MEAN) / DEVIATION).astype(np.float32)


def one_weight_changed(model: Path) -> bytes:
    """The same file with another sign for one of the first layer's weights."""
    data = bytearray(model.read_bytes())
    data[FIRST_WEIGHT + 3] ^= 0x80
    return bytes(data)


def refused(lie: str, key: veritorch.VerifyingKey, proof: veritorch.Proof) -> None:
    """Prints which check refuses a proof."""
    try:
        veritorch.verify(key, proof)
    except veritorch.VerificationError as error:
        print(f"  {lie + ':':46} refused by the check `{error.check}`")
    else:
        raise SystemExit(f"  {lie}: ACCEPTED. This must not happen; please report it.")


class Phase:
    """Prints how long a block took."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            print(f"  {self.name:40} {(time.perf_counter() - self.start) * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
