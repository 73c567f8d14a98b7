"""Compile, run, prove, verify, save, load."""

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
import veritorch


def test_mnist_agrees_with_the_float_model(mnist, mnist_model, digits):
    images, labels, _ = digits
    expected = veritorch.evaluate(mnist_model, images)
    actual = mnist.run(images)
    assert actual.shape == expected.shape == (8, 10)
    assert actual.dtype == np.float32
    assert (actual.argmax(1) == labels).all()
    assert np.abs(actual - expected).max() < 0.03 * np.abs(expected).max()


def test_one_image_is_proved_and_verified(mnist, digits):
    image = digits[0][:1]
    proof = mnist.prove(image)
    result = veritorch.verify(mnist.verifying_key, proof, outputs=mnist.run(image))
    assert result.batch == proof.batch == 1
    assert result.security_bits >= 100
    assert min(result.security_terms.values()) >= result.security_bits
    assert result.inputs is None
    (proved,) = result.outputs.values()
    np.testing.assert_array_equal(proved, mnist.run(image))
    np.testing.assert_array_equal(next(iter(proof.outputs.values())), proved)
    assert "1 sample" in repr(proof) and f"{len(proof):,} bytes" in repr(proof)
    assert repr(result).startswith("Verification(valid, 1 sample, 1")
    assert all(seconds >= 0 for seconds in proof.timings.values()) and proof.timings


def test_a_batch_is_one_proof(mnist, digits):
    images = digits[0][:3]
    proof = mnist.prove(images)
    result = veritorch.verify(mnist.verifying_key, proof)
    assert result.batch == 3
    np.testing.assert_array_equal(next(iter(result.outputs.values())), mnist.run(images))
    one_by_one = np.concatenate([mnist.run(image[None]) for image in images])
    np.testing.assert_array_equal(mnist.run(images), one_by_one)


def test_outputs_wider_than_a_float(mlp):
    corners = 3 * np.array(list(itertools.product((-1, 1), repeat=6)))
    proof = mlp.prove(corners)
    assert max(abs(value) for value in proof.statement_outputs[0]) > 2**24
    veritorch.verify(mlp.verifying_key, proof, outputs=mlp.run(corners))
    outputs = mlp.run(corners)
    greatest = np.unravel_index(np.abs(outputs).argmax(), outputs.shape)
    outputs[greatest] = np.nextafter(outputs[greatest], np.float32(np.inf))
    with pytest.raises(veritorch.VerificationError, match="the proof says"):
        veritorch.verify(mlp.verifying_key, proof, outputs=outputs)


def test_files_and_bytes(mlp, samples, tmp_path):
    x = samples[:1]
    proof = mlp.prove(x)
    mlp.save(tmp_path / "m.vt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.vk", "m.vt", "m.vt.ledger"]
    proof.save(tmp_path / "x.proof")
    veritorch.verify(tmp_path / "m.vk", str(tmp_path / "x.proof"))
    again = veritorch.load(tmp_path / "m.vt")
    np.testing.assert_array_equal(again.run(x), mlp.run(x))
    assert again.report == mlp.report
    veritorch.verify(again.verifying_key, again.prove(x))
    key = veritorch.VerifyingKey.load(tmp_path / "m.vk")
    assert key == mlp.verifying_key == veritorch.VerifyingKey.from_bytes(key.to_bytes())
    assert hash(key) == hash(mlp.verifying_key)
    assert key.model_commitment[:16] in repr(key)
    read = veritorch.Proof.load(tmp_path / "x.proof")
    assert read == proof == veritorch.Proof.from_bytes(proof.to_bytes())
    assert read.outputs is None and read.timings == {}
    key.save(tmp_path / "again.vk")
    assert (tmp_path / "again.vk").read_bytes() == (tmp_path / "m.vk").read_bytes()


def test_compiling_is_deterministic(models, samples, mlp):
    again = veritorch.compile((models / "mlp.onnx").read_bytes(), calibration=samples, threads=1)
    assert again.verifying_key.circuit_digest == mlp.verifying_key.circuit_digest
    # Masks are drawn anew for each commitment to private weights.
    assert again.verifying_key != mlp.verifying_key
    first, second = (veritorch.compile(models / "mlp.onnx", calibration=samples, weights="public") for _ in range(2))
    assert first.verifying_key == second.verifying_key


def test_several_inputs_and_outputs(models):
    rng = np.random.default_rng(2)
    image = rng.standard_normal((40, 2, 6, 6)).astype(np.float32)
    side = rng.standard_normal((40, 3)).astype(np.float32)
    path = models / "two_ports.onnx"
    circuit = veritorch.compile(path, calibration={"image": image, "side": side})
    assert circuit.inputs == {"image": (1, 2, 6, 6), "side": (1, 3)}
    assert circuit.outputs == {"features": (1, 3, 6, 6), "sum": (1, 3)}
    assert "image[1, 2, 6, 6]" in repr(circuit)
    by_name = circuit.run({"image": image[:2], "side": side[:2]})
    in_order = circuit.run((image[:2], side[:2]))
    expected = veritorch.evaluate(path, (image[:2], side[:2]))
    assert list(by_name) == ["features", "sum"] or set(by_name) == {"features", "sum"}
    for name, value in by_name.items():
        np.testing.assert_array_equal(value, in_order[name])
        np.testing.assert_allclose(value, expected[name], atol=0.05 * np.abs(expected[name]).max())
    proof = circuit.prove((image[:1], side[:1]))
    result = veritorch.verify(circuit.verifying_key, proof, outputs=circuit.run((image[:1], side[:1])))
    assert set(result.outputs) == {"features", "sum"}


def test_calibration_comes_in_many_forms(models, samples, mlp):
    path = models / "mlp.onnx"
    for calibration in (
        {"x": samples},
        (samples,),
        list(samples),
        [sample[None] for sample in samples],
        (sample for sample in samples),
        [{"x": sample} for sample in samples],
        samples.astype(np.float64),
        samples.tolist(),
        np.asfortranarray(samples),
    ):
        again = veritorch.compile(path, calibration=calibration)
        assert again.verifying_key.circuit_digest == mlp.verifying_key.circuit_digest


def test_policies(models, samples):
    path = models / "mlp.onnx"
    x = samples[:2]
    shown = veritorch.compile(path, calibration=samples, input="public", output="public")
    result = veritorch.verify(shown.verifying_key, shown.prove(x), inputs=x, outputs=shown.run(x))
    np.testing.assert_allclose(result.inputs["x"], x, atol=0.01)
    with pytest.raises(veritorch.VerificationError, match="the proof says") as caught:
        veritorch.verify(shown.verifying_key, shown.prove(x), inputs=x + 1)
    assert caught.value.check == "input"
    assert result.policy == {"weights": "private", "input": "public", "output": "public"}
    assert "Hidden: the weights and every intermediate value." in result.statement
    assert result.circuit_digest == shown.verifying_key.circuit_digest
    assert result.model_commitment == shown.verifying_key.model_commitment
    open_weights = veritorch.compile(path, calibration=samples, weights="public")
    assert veritorch.verify(open_weights.verifying_key, open_weights.prove(x)).policy["weights"] == "public"
    hidden = veritorch.compile(path, calibration=samples, output="private")
    proof = hidden.prove(x)
    result = veritorch.verify(hidden.verifying_key, proof)
    assert result.outputs is None and result.inputs is None
    with pytest.raises(veritorch.InputError, match="private"):
        veritorch.verify(hidden.verifying_key, proof, outputs=hidden.run(x))


def test_high_profile(models, samples):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples, profile="high")
    result = veritorch.verify(circuit.verifying_key, circuit.prove(samples[:1]))
    assert result.security_bits >= 128


def test_targets_and_bits(models, samples):
    path = models / "mlp.onnx"
    labels = veritorch.evaluate(path, samples).argmax(1)
    coarse = veritorch.compile(path, name="coarse", calibration=samples, activation_bits=4, labels=labels)
    assert coarse.name == "coarse" and coarse.report["activation_bits"] == 4 and coarse.report["float_accuracy"] == 1.0
    fine = veritorch.compile(path, calibration=samples, activation_bits=4, labels=labels, accuracy_target=1.0)
    assert fine.report["accuracy"] == 1.0
    near = veritorch.compile(path, calibration=samples, activation_bits=4, drift_target=0.01)
    assert near.report["outputs"][0]["drift"] <= 0.01 < coarse.report["outputs"][0]["drift"]


def test_reports(mlp, samples, tmp_path):
    assert mlp.report["outputs"][0]["cosine"] > 0.99
    assert "matrix sumcheck" in mlp.summary()
    inspected = mlp.inspect(html=tmp_path / "m.html")
    assert inspected["kind"] == "prover's key" and inspected["nodes"]
    assert inspected["security"]["bits"] >= 100
    assert "<html" in (tmp_path / "m.html").read_text()
    key = mlp.verifying_key
    assert key.inspect(html=tmp_path / "k.html")["nodes"] and "2 samples" in key.summary(batch=2)
    proof = mlp.prove(samples[:1])
    parts = proof.inspect(html=tmp_path / "p.html")["proof"]
    assert sum(part["bytes"] for part in parts["parts"]) == parts["transcript_bytes"] <= len(proof)
    assert "part of the proof" in proof.summary()


def test_exceptions_survive_pickling():
    error = veritorch.VerificationError("no", check="opening", hint="look")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.check, again.hint) == ("no", "opening", "look")
    error = pickle.loads(pickle.dumps(veritorch.ModelError("no", hint="look")))
    assert error.hint == "look"


def test_paths_may_be_relative(mlp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlp.save("m.vt")
    assert Path("m.vk").is_file()
    assert veritorch.load("m.vt").name == mlp.name
