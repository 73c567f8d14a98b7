"""Clumsy and hostile use: one clear exception each."""

import numpy as np
import pytest
import veritorch


def test_the_tree_of_exceptions():
    for parent, child in [
        (Exception, veritorch.VeritorchError),
        (veritorch.VeritorchError, veritorch.ModelError),
        (veritorch.VeritorchError, veritorch.CalibrationError),
        (veritorch.VeritorchError, veritorch.InputError),
        (veritorch.InputError, veritorch.RefusedInput),
        (veritorch.VeritorchError, veritorch.ProofError),
        (veritorch.ProofError, veritorch.VerificationError),
        (veritorch.VeritorchError, veritorch.ArtifactError),
        (veritorch.VeritorchError, veritorch.OptionError),
        (ValueError, veritorch.OptionError),
    ]:
        assert issubclass(child, parent)


def test_unsupported_operators_are_listed_at_once(models):
    with pytest.raises(veritorch.ModelError) as caught:
        veritorch.compile(models / "unsupported.onnx", calibration=np.zeros((1, 3, 3), np.float32))
    message = str(caught.value)
    assert "draw" in message and "union" in message and "fine" not in message
    assert "Bernoulli" in message and "NonMaxUnion" in message


def test_models_that_are_none(models, tmp_path, samples):
    with pytest.raises(veritorch.ModelError, match="needs finite numbers"):
        veritorch.compile(models / "nan_weight.onnx", calibration=samples)
    with pytest.raises(veritorch.ModelError, match="cannot read"):
        veritorch.compile(tmp_path / "missing.onnx", calibration=samples)
    whole = (models / "mlp.onnx").read_bytes()
    for data in (b"", b"\x00\x01\x02", whole[: len(whole) // 2], whole[:-1]):
        with pytest.raises(veritorch.ModelError):
            veritorch.compile(data, calibration=samples)
    with pytest.raises(veritorch.ModelError, match=r"expected a torch\.nn\.Module"):
        veritorch.compile(3, calibration=samples)
    with pytest.raises(veritorch.ModelError, match="example_inputs are for modules"):
        veritorch.compile(models / "mlp.onnx", samples[:1], calibration=samples)


def test_open_axes_and_fixed_inputs(models):
    y = veritorch.evaluate(models / "mlp.onnx", np.zeros((3, 6), np.float32), axes={"N": 3})
    assert y.shape == (3, 4)
    assert veritorch.evaluate(models / "mlp.onnx", np.zeros((3, 6)), input_shapes={"x": (3, 6)}).shape == (3, 4)
    with pytest.raises(veritorch.ModelError, match=r"axis `M`.* there are N"):
        veritorch.evaluate(models / "mlp.onnx", np.zeros((3, 6)), axes={"M": 3})
    image = np.ones((1, 2, 6, 6), np.float32)
    both = veritorch.evaluate(models / "two_ports.onnx", (image, np.full((1, 3), 0.5)))
    fixed = veritorch.evaluate(models / "two_ports.onnx", image, fixed_inputs={"side": 0.5})
    assert np.array_equal(both["sum"], fixed["sum"])
    with pytest.raises(veritorch.ModelError, match="no such input"):
        veritorch.evaluate(models / "two_ports.onnx", image, fixed_inputs={"face": 0.5})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "calibration data is missing"),
        ([], "empty"),
        (np.zeros((0, 6), np.float32), "no samples"),
        (np.zeros((4, 7), np.float32), r"expected shape \[1, 6\]"),
        (np.zeros((6, 4), np.float32), r"expected shape \[1, 6\]"),
        (np.full((2, 6), np.nan, np.float32), "is NaN"),
        (np.full((2, 6), np.inf, np.float32), "is inf"),
        ({"y": np.zeros((2, 6))}, "`x` is missing"),
        ({"x": np.zeros((2, 6)), "z": np.zeros(2)}, "not in the model"),
        ((np.zeros((2, 6)), np.zeros((2, 6))), "a tuple of 2 arrays, the model has 1"),
        (np.array([["a"] * 6]), "expected numbers"),
        (np.zeros((2, 6), complex), "expected numbers"),
        ([np.zeros(6), np.zeros(5)], "sample 1 has shape"),
        ([{"x": np.zeros(6)}, {"y": np.zeros(6)}], "sample 1 has"),
    ],
)
def test_calibration_that_does_not_fit(models, data, message):
    with pytest.raises(veritorch.CalibrationError, match=message):
        veritorch.compile(models / "mlp.onnx", calibration=data)


def test_labels_that_do_not_fit(models, samples):
    for labels in (["a"] * 64, np.zeros(64), np.full(64, -1), np.zeros((64, 1), int), [0]):
        with pytest.raises(veritorch.CalibrationError, match="labels"):
            veritorch.compile(models / "mlp.onnx", calibration=samples, labels=labels)


@pytest.mark.parametrize(
    "options",
    [
        {"activation_bits": 3},
        {"activation_bits": 17},
        {"activation_bits": 8.0},
        {"input_bits": 2},
        {"accuracy_target": 1.5},
        {"accuracy_target": 0.9, "drift_target": 0.1},
        {"input": "secret"},
        {"output": True},
        {"weights": "committed"},
        {"input_scale": 0.0},
        {"profile": "low"},
        {"axes": {"N": 0}},
        {"axes": {"N": "two"}},
        {"input_shapes": {"x": 6}},
        {"fixed_inputs": ["x"]},
        {"threads": 0},
        {"threads": -1},
        {"threads": 1.5},
        {"progress": "yes"},
    ],
)
def test_options_out_of_range(models, samples, options):
    with pytest.raises(veritorch.OptionError) as caught:
        veritorch.compile(models / "mlp.onnx", calibration=samples, **options)
    assert isinstance(caught.value, ValueError)


def test_options_are_not_positional(models, samples):
    with pytest.raises(TypeError):
        veritorch.compile(models / "mlp.onnx", None, samples)
    with pytest.raises(TypeError):
        veritorch.compile(models / "mlp.onnx")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((1, 5), np.float32), "expected shape"),
        (np.zeros(6, np.float32).astype("U"), "expected numbers"),
        (np.full((1, 6), np.nan), "is NaN"),
        (np.full((1, 6), 1e300), "do not fit float32"),
        (np.full((1, 6), 2**24 + 1), "do not fit float32"),
        ({"y": np.zeros((1, 6))}, "`x` is missing"),
        ({3: np.zeros((1, 6))}, "names are strings"),
        (np.zeros((0, 6)), "no samples"),
        ([[0, 0, 0], [0]], "not an array"),
        (None, "expected numbers"),
    ],
)
def test_inputs_that_do_not_fit(mlp, data, message):
    for call in (mlp.run, mlp.prove):
        with pytest.raises(veritorch.InputError, match=message) as caught:
            call(data)
        assert not isinstance(caught.value, veritorch.RefusedInput)


def test_one_array_for_two_inputs(models):
    path = models / "two_ports.onnx"
    with pytest.raises(veritorch.CalibrationError, match="the model has 2 inputs: image, side"):
        veritorch.compile(path, calibration=np.zeros((1, 2, 6, 6), np.float32))
    with pytest.raises(veritorch.CalibrationError, match="2 samples"):
        veritorch.compile(path, calibration=(np.ones((2, 2, 6, 6), np.float32), np.ones((3, 3), np.float32)))


def test_far_inputs_saturate_with_a_warning(mlp, samples):
    x = samples[:1] * 100
    with pytest.warns(veritorch.SaturationWarning, match="outside the calibrated range"):
        far = mlp.run(x)
    with pytest.warns(veritorch.SaturationWarning):
        proof = mlp.prove(x)
    veritorch.verify(mlp.verifying_key, proof, outputs=far)


def test_files_that_are_none(mlp, models, samples, tmp_path):
    with pytest.raises(veritorch.ArtifactError, match="cannot read") as caught:
        veritorch.load(tmp_path / "missing.vt")
    assert caught.value.hint == "check the path"
    assert "hint: check the path" in caught.value.__notes__
    with pytest.raises(veritorch.ArtifactError, match="looks like an ONNX model"):
        veritorch.load(models / "mlp.onnx")
    mlp.save(tmp_path / "m.vt")
    mlp.prove(samples[:1]).save(tmp_path / "x.proof")
    with pytest.raises(veritorch.ArtifactError, match="is a verifier's key"):
        veritorch.load(tmp_path / "m.vk")
    with pytest.raises(veritorch.ArtifactError, match="expected a verifier's key"):
        veritorch.verify(tmp_path / "m.vt", tmp_path / "x.proof")
    with pytest.raises(veritorch.ArtifactError, match="expected a proof"):
        veritorch.verify(tmp_path / "m.vk", tmp_path / "m.vk")
    with pytest.raises(veritorch.ArtifactError, match="cannot write"):
        mlp.save(tmp_path / "no" / "m.vt")
    with pytest.raises(veritorch.ArtifactError, match="cannot write"):
        mlp.verifying_key.save("/dev/full")
    with pytest.raises(veritorch.OptionError):
        mlp.save(tmp_path / "m.vk")


def test_damaged_files(mlp, samples, tmp_path):
    mlp.save(tmp_path / "m.vt")
    whole = (tmp_path / "m.vt").read_bytes()
    key = mlp.verifying_key.to_bytes()
    proof = mlp.prove(samples[:1]).to_bytes()
    rng = np.random.default_rng(3)
    for data, read, error in (
        (whole, lambda data: load_bytes(data, tmp_path), veritorch.ArtifactError),
        (key, veritorch.VerifyingKey.from_bytes, veritorch.ArtifactError),
        (proof, veritorch.Proof.from_bytes, veritorch.VeritorchError),
    ):
        for length in (0, 5, 11, 50, len(data) // 2, len(data) - 1):
            with pytest.raises(error):
                read(data[:length])
        with pytest.raises(error):
            read(data + b"\0")
        for position in [*range(0, 60, 7), *rng.integers(0, len(data), 20).tolist()]:
            with pytest.raises(error):
                read(flipped(data, position))


def load_bytes(data, folder):
    (folder / "damaged.vt").write_bytes(data)
    return veritorch.load(folder / "damaged.vt")


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_a_proof_for_another_model(mlp, other_mlp, mnist, samples):
    proof = mlp.prove(samples[:1])
    for other in (other_mlp, mnist):
        with pytest.raises(veritorch.VerificationError, match="another model") as caught:
            veritorch.verify(other.verifying_key, proof)
        assert caught.value.check == "model"


def test_another_output(mlp, samples):
    proof = mlp.prove(samples[:2])
    outputs = mlp.run(samples[:2])
    outputs[1, 2] += 1
    with pytest.raises(veritorch.VerificationError, match=r"output `y` at \[1, 2\]") as caught:
        veritorch.verify(mlp.verifying_key, proof, outputs=outputs)
    assert caught.value.check == "output"
    with pytest.raises(veritorch.InputError, match="2 samples"):
        veritorch.verify(mlp.verifying_key, proof, outputs=outputs[:1])


def test_a_changed_statement(mlp, samples):
    proof = mlp.prove(samples[:2])
    assert proof.replace() == proof
    outputs = proof.statement_outputs
    assert len(outputs) == 1 and len(outputs[0]) == 8 and proof.statement_inputs == []
    for index in range(8):
        lie = [list(outputs[0])]
        lie[0][index] += 1
        with pytest.raises(veritorch.VerificationError) as caught:
            veritorch.verify(mlp.verifying_key, proof.replace(outputs=lie))
        assert caught.value.check
    for lie in ([], [outputs[0][:-1]], [outputs[0] + [0]], [[2**62] * 8], outputs * 2):
        with pytest.raises(veritorch.VerificationError):
            veritorch.verify(mlp.verifying_key, proof.replace(outputs=lie))
    with pytest.raises(veritorch.VerificationError):
        veritorch.verify(mlp.verifying_key, proof.replace(inputs=[[0] * 12]))


def test_changed_messages(mlp, samples):
    proof = mlp.prove(samples[:1])
    transcript = proof.transcript
    positions = {0, len(transcript) - 1, *range(0, len(transcript), max(1, len(transcript) // 40))}
    for position in sorted(positions):
        with pytest.raises(veritorch.VerificationError) as caught:
            veritorch.verify(mlp.verifying_key, proof.replace(transcript=flipped(transcript, position)))
        assert caught.value.check
    for changed in (b"", transcript[:-1], transcript + b"\0", transcript[1:]):
        with pytest.raises(veritorch.VerificationError):
            veritorch.verify(mlp.verifying_key, proof.replace(transcript=changed))


def test_things_of_another_type(mlp, samples):
    proof = mlp.prove(samples[:1])
    with pytest.raises(TypeError):
        veritorch.verify(3, proof)
    with pytest.raises(TypeError):
        veritorch.verify(mlp.verifying_key, 3)
    assert proof != 3 and mlp.verifying_key != 3


def test_models_are_checked(models):
    report = veritorch.check(models / "mlp.onnx", axes={"N": 1})
    assert report and report.works and not report.obstacles and report.inputs
    report = veritorch.check((models / "unsupported.onnx").read_bytes())
    assert not report and {finding.operator for finding in report.obstacles} == {"Bernoulli", "NonMaxUnion"}
    assert "try:" in str(report)
    with pytest.raises(veritorch.ModelError):
        veritorch.check(b"no model")
