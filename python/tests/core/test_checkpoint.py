"""Hugging Face folders."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import veritorch

STORIES = Path(__file__).parents[3] / "demo" / "data" / "stories260K"
FIXTURES = Path(__file__).parents[3] / "crates" / "checkpoint" / "tests" / "fixtures"
TEXT = ["Once upon a time, there was a little girl named Lily.", "She loved to play outside\nin the park."]


def test_a_folder_is_read():
    model = veritorch.from_pretrained(STORIES, seq_len=12)
    assert model.inputs == {"input_ids": (1, 12)} and model.outputs == {"logits": (1, 12, 512)}
    assert model.tokenizer_json == (STORIES / "tokenizer.json").read_bytes()
    windows = model.windows(TEXT)
    assert windows.shape[1] == 12 and (windows[:, 0] == 1).all()
    assert list(windows[0, :5]) == [1, 403, 407, 261, 378]
    np.testing.assert_array_equal(windows, model.windows("\n".join([TEXT[0], TEXT[1].replace("\n", " ")])))


def test_the_float_model_is_the_one_of_transformers():
    for name in ("llama", "llama-sharded", "gpt2", "bert"):
        model = veritorch.from_pretrained(FIXTURES / name, seq_len=12)
        (output,) = model.outputs
        with np.load(FIXTURES / name / "expected.npz") as expected:
            actual = veritorch.evaluate(model, expected["input_ids"])
            np.testing.assert_allclose(actual, expected[output], rtol=1e-4, atol=1e-4)


def test_folders_that_are_refused(tmp_path):
    with pytest.raises(veritorch.ModelError, match=r"config\.json") as caught:
        veritorch.from_pretrained(tmp_path, seq_len=12)
    assert "save_pretrained" in str(caught.value.hint)
    folder = tmp_path / "other"
    shutil.copytree(STORIES, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["T5Model"]}))
    with pytest.raises(veritorch.ModelError, match="T5Model is not supported"):
        veritorch.from_pretrained(folder, seq_len=12)
    with pytest.raises(veritorch.ModelError, match="expected 1 to 512"):
        veritorch.from_pretrained(STORIES, seq_len=513)
    with pytest.raises(veritorch.OptionError, match="seq_len"):
        veritorch.from_pretrained(STORIES, seq_len=0)


def test_texts_calibrate_checkpoints_alone(models):
    with pytest.raises(veritorch.CalibrationError, match="checkpoints"):
        veritorch.compile(models / "mlp.onnx", calibration="Once upon a time")
    model = veritorch.from_pretrained(STORIES, seq_len=64)
    with pytest.raises(veritorch.CalibrationError, match="expected at least 64"):
        veritorch.compile(model, calibration=TEXT[:1])


def test_later_ids_change_no_earlier_logits():
    model = veritorch.from_pretrained(STORIES, seq_len=12)
    circuit = veritorch.compile(model, calibration=(STORIES / "prompts.txt").read_text()[:1500])
    ids = np.random.default_rng(1).integers(512, size=(1, 12))
    logits = circuit.run(ids)
    for first in (1, 5, 11):
        changed = ids.copy()
        changed[0, first:] = (changed[0, first:] + 7) % 512
        np.testing.assert_array_equal(circuit.run(changed)[:, :first], logits[:, :first])


def test_a_text_is_generated_and_proved(tmp_path):
    model = veritorch.from_pretrained(STORIES, seq_len=12, next_ids=True)
    circuit = veritorch.compile(model, calibration=(STORIES / "prompts.txt").read_text()[:1500], input="public")
    assert circuit.seq_len == 12 and circuit.tokenizer_json == model.tokenizer_json
    text = circuit.generate("Once upon a time", max_new_tokens=5)
    assert str(text) == "Once upon a time, there was a little" and text.prompt == "Once upon a time"
    assert text.ids == [432, 383, 286, 261, 376] and not text.finished
    proof = circuit.prove_text(text)
    assert veritorch.verify_text(circuit.verifying_key, proof) == ([1, 403, 407, 261, 378], text.ids)
    circuit.save(tmp_path / "stories.vt")
    assert veritorch.load(tmp_path / "stories.vt").generate("Once upon a time", max_new_tokens=5) == text

    says = "token 9 is 268, the model says 376"
    lie = dataclasses.replace(text, ids=[432, 383, 286, 261, 268])
    with pytest.raises(veritorch.VerificationError, match=says):
        circuit.prove_text(lie)
    # The last two ids say where prompt and text end.
    whole = circuit.prove(np.array([[*text.prompt_ids, *lie.ids, 5, 10]]))
    veritorch.verify(circuit.verifying_key, whole)
    with pytest.raises(veritorch.VerificationError, match=says):
        veritorch.verify_text(circuit.verifying_key, whole)
    with pytest.raises(veritorch.OptionError, match="expected at most 10"):
        circuit.generate("Once upon a time", max_new_tokens=6)
