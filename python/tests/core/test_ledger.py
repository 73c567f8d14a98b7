"""Openings of a model commitment: counted in memory and in the ledger, used up, renewed."""

import numpy as np
import pytest
import veritorch


def test_openings_end_and_are_renewed(models, samples, tmp_path):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples, lifetime=2)
    assert circuit.openings_left == 2
    circuit.prove(samples[:1])
    circuit.save(tmp_path / "m.vt")
    assert (tmp_path / "m.vt.ledger").stat().st_mode & 0o777 == 0o600
    loaded = veritorch.load(tmp_path / "m.vt")
    loaded.prove(samples[:1])
    # The circuit that was saved counts in the same ledger.
    assert (loaded.openings_left, circuit.openings_left) == (0, 0)
    with pytest.raises(veritorch.LedgerError, match="all 2 openings") as caught:
        circuit.prove(samples[:1])
    assert "veritorch renew" in caught.value.hint
    renewed = circuit.renew()
    assert renewed.openings_left == 1
    assert renewed.verifying_key.model_commitment == circuit.verifying_key.model_commitment
    result = veritorch.verify(renewed.verifying_key, renewed.prove(samples[:1]))
    np.testing.assert_array_equal(result.outputs["y"], circuit.run(samples[:1]))
    with pytest.raises(veritorch.LedgerError, match="renewed before"):
        circuit.renew()


def test_public_weights_are_not_counted(models, samples):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples, weights="public")
    assert circuit.openings_left is None
    with pytest.raises(veritorch.OptionError, match="lifetime"):
        veritorch.compile(models / "mlp.onnx", calibration=samples, weights="public", lifetime=3)
    with pytest.raises(veritorch.OptionError, match="lifetime"):
        veritorch.compile(models / "mlp.onnx", calibration=samples, lifetime=0)


def test_a_lost_ledger_is_an_error(models, samples, tmp_path):
    circuit = veritorch.compile(models / "mlp.onnx", calibration=samples)
    circuit.save(tmp_path / "m.vt")
    (tmp_path / "m.vt.ledger").unlink()
    with pytest.raises(veritorch.LedgerError, match="there is no ledger"):
        veritorch.load(tmp_path / "m.vt").prove(samples[:1])
