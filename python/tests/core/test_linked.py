"""Committed inputs and outputs: commitments made beforehand, models that are chained."""

import stat

import numpy as np
import pytest
import veritorch

MODEL = "mlp.onnx"


@pytest.fixture(scope="module")
def first(models, samples):
    return veritorch.compile(models / MODEL, calibration=samples, input="committed", output="committed")


def test_a_commitment_is_proved_about(first, samples, tmp_path):
    key = first.verifying_key
    scan = veritorch.commit(samples[:1], key=key, openings=2)
    assert scan.openings_left == 2
    scan.save(tmp_path / "scan.commitment")
    secret = tmp_path / "scan.commitment.opening"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    public = veritorch.Commitment.from_bytes((tmp_path / "scan.commitment").read_bytes())
    assert public == scan and public.openings_left is None

    proof = first.prove(commitment=veritorch.Commitment.load(tmp_path / "scan.commitment"))
    assert proof.committed_inputs is None and proof.committed_outputs is not None
    verification = veritorch.verify(
        key, proof, expect_input=tmp_path / "scan.commitment", expect_output=proof.committed_outputs
    )
    assert verification.inputs is None and verification.outputs is None
    assert list(verification.commitments) == ["input.x", "output.y"]
    assert verification.commitments["input.x"] == public.arrays["x"].identity
    np.testing.assert_array_equal(proof.outputs["y"], first.run(samples[:1]))

    other = first.prove(samples[:1], commitment=veritorch.Commitment.load(tmp_path / "scan.commitment"))
    second = veritorch.verify(key, other)
    verification.check_link("input", second, "input.x")
    with pytest.raises(veritorch.VerificationError, match="differ") as caught:
        verification.check_link("output", second, "output")
    assert caught.value.check == "link"
    with pytest.raises(veritorch.VerificationError, match="differ"):
        veritorch.verify(key, other, expect_output=proof.committed_outputs)
    with pytest.raises(veritorch.LedgerError, match="openings"):
        first.prove(commitment=veritorch.Commitment.load(tmp_path / "scan.commitment"))
    with pytest.raises(veritorch.OptionError, match="public side"):
        first.prove(commitment=public)
    with pytest.raises(veritorch.VeritorchError, match="not a commitment to these values"):
        first.prove(samples[1:2], commitment=veritorch.commit(samples[:1], key=key))
    with pytest.raises(veritorch.InputError, match="expected numbers"):
        first.prove()


def test_commitments_are_made_where_none_is_given(first, samples):
    proof = first.prove(samples[:3], openings=3)
    assert proof.committed_inputs.openings_left == 2
    assert proof.committed_outputs.openings_left == 2
    again = first.prove(commitment=proof.committed_inputs)
    one, two = (veritorch.verify(first.verifying_key, each) for each in (proof, again))
    one.check_link("input", two, "input")


def test_a_model_is_compiled_for_what_was_committed_before(models, samples):
    scan = veritorch.commit(samples[:1])
    circuit = veritorch.compile(models / MODEL, calibration=samples, input="committed", input_like=scan)
    proof = circuit.prove(commitment=scan)
    veritorch.verify(circuit.verifying_key, proof, expect_input=scan)
    with pytest.raises(veritorch.OptionError, match="expected one of them"):
        veritorch.compile(models / MODEL, calibration=samples, input_scale=0.1, input_like=scan)
    with pytest.raises(veritorch.OptionError, match="above 0"):
        veritorch.commit(samples[:1], scale=-1.0)


def test_models_are_chained(first, models, samples):
    middle = first.run(samples)
    second = veritorch.compile(
        models / "head.onnx", calibration=middle, input="committed", input_like=first.verifying_key
    )
    proof = first.prove(samples[5:6])
    graded = second.prove(commitment=proof.committed_outputs)
    one = veritorch.verify(first.verifying_key, proof)
    two = veritorch.verify(second.verifying_key, graded)
    one.check_link("output", two, "input")
    np.testing.assert_array_equal(two.outputs["y"], second.run(middle[5:6]))
    with pytest.raises(veritorch.VerificationError, match="differ"):
        one.check_link("input", two, "input")
    with pytest.raises(veritorch.OptionError, match="does not commit its output"):
        one.check_link("output", two, "output")
