"""Models and data that the tests share. Compiled once."""

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import veritorch

Array = npt.NDArray[np.float32]
HERE = Path(__file__).parent
# What the machine remembers of ledgers must not outlive the tests.
STATE = tempfile.TemporaryDirectory()
os.environ["VERITORCH_STATE"] = STATE.name
DATA = HERE.parents[2] / "demo" / "data"


@pytest.fixture(scope="session")
def models() -> Path:
    """Folder of small ONNX files."""
    return HERE / "models"


@pytest.fixture(scope="session")
def mnist_model() -> Path:
    return DATA / "mnist_cnn.onnx"


@pytest.fixture(scope="session")
def digits() -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Eight test images `[8, 1, 28, 28]`, their classes, and 32 images for calibration."""
    with np.load(DATA / "mnist.npz") as data:
        images, calibration = (data[name].astype(np.float32)[:, None] for name in ("images", "calibration"))
        return images, data["labels"].astype(np.int64), calibration


@pytest.fixture(scope="session")
def mnist(mnist_model: Path, digits: tuple[Array, npt.NDArray[np.int64], Array]) -> veritorch.Circuit:
    return veritorch.compile(mnist_model, calibration=digits[2])


@pytest.fixture(scope="session")
def samples() -> Array:
    """Inputs of `mlp.onnx`, `[64, 6]`."""
    return np.random.default_rng(1).standard_normal((64, 6)).astype(np.float32)


@pytest.fixture(scope="session")
def mlp(models: Path, samples: Array) -> veritorch.Circuit:
    return veritorch.compile(models / "mlp.onnx", calibration=samples)


@pytest.fixture(scope="session")
def other_mlp(models: Path, samples: Array) -> veritorch.Circuit:
    """The same network with other ranges, hence another circuit."""
    return veritorch.compile(models / "mlp.onnx", calibration=2 * samples)
