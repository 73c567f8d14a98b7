"""The second verifier, which stands beside the crates in `spec/`, agrees about proofs that are made now."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import veritorch

SPEC = Path(__file__).parents[3] / "spec"


def second_verifier(key: Path, proof: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "veritorch_spec", str(key), str(proof)]
    environment = {**os.environ, "PYTHONPATH": str(SPEC)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_digit(mnist, digits, tmp_path):
    mnist.verifying_key.save(tmp_path / "m.vk")
    proof = mnist.prove(digits[0][:1])
    proof.save(tmp_path / "x.proof")
    result = second_verifier(tmp_path / "m.vk", tmp_path / "x.proof")
    assert result.returncode == 0, result.stderr
    bits = veritorch.verify(mnist.verifying_key, proof).security_bits
    assert abs(float(result.stdout.split()[1]) - bits) < 0.1


def test_two_inputs_and_outputs(models, tmp_path):
    rng = np.random.default_rng(1)
    data = {
        "image": rng.standard_normal((16, 2, 6, 6)).astype(np.float32),
        "side": rng.standard_normal((16, 3)).astype(np.float32),
    }
    circuit = veritorch.compile(models / "two_ports.onnx", calibration=data, input="public")
    circuit.verifying_key.save(tmp_path / "m.vk")
    circuit.prove({name: values[:2] for name, values in data.items()}).save(tmp_path / "x.proof")
    result = second_verifier(tmp_path / "m.vk", tmp_path / "x.proof")
    assert result.returncode == 0, result.stderr


def test_proofs_for_other_circuits(mlp, other_mlp, samples, tmp_path):
    mlp.verifying_key.save(tmp_path / "m.vk")
    other_mlp.prove(samples[:1]).save(tmp_path / "x.proof")
    result = second_verifier(tmp_path / "m.vk", tmp_path / "x.proof")
    assert result.returncode == 1 and "another circuit" in result.stderr


def test_circuits_that_were_renewed_twice(models, samples, tmp_path):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples, lifetime=3)
    renewed = circuit.renew().renew()
    renewed.verifying_key.save(tmp_path / "m.vk")
    renewed.prove(samples[:1]).save(tmp_path / "x.proof")
    result = second_verifier(tmp_path / "m.vk", tmp_path / "x.proof")
    assert result.returncode == 0, result.stderr


def test_committed_inputs_and_outputs(models, samples, tmp_path):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples, input="committed", output="committed")
    circuit.verifying_key.save(tmp_path / "m.vk")
    scan = veritorch.commit(samples[:2], key=circuit.verifying_key, openings=3)
    proof = circuit.prove(commitment=scan)
    proof.save(tmp_path / "x.proof")
    result = second_verifier(tmp_path / "m.vk", tmp_path / "x.proof")
    assert result.returncode == 0, result.stderr
    bits = veritorch.verify(circuit.verifying_key, proof).security_bits
    assert result.stdout == f"valid: {bits} bits\n"
    transcript = bytearray(proof.transcript)
    transcript[len(transcript) // 2] ^= 1
    proof.replace(transcript=bytes(transcript)).save(tmp_path / "y.proof")
    assert second_verifier(tmp_path / "m.vk", tmp_path / "y.proof").returncode == 1
