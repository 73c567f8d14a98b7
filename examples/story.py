"""A story told by a trained language model of 260,000 weights, and a proof of every word."""

import tempfile
from pathlib import Path

import veritorch

FOLDER = Path(__file__).parent.parent / "demo" / "data" / "stories260K"

# The owner of the model. A circuit has one sequence length; it gives the likeliest next token at each position.

model = veritorch.from_pretrained(FOLDER, seq_len=64, next_ids=True)
circuit = veritorch.compile(model, calibration=(FOLDER / "prompts.txt").read_text(), input="public")

story = circuit.generate("Once upon a time", max_new_tokens=50)
print(story)

# One proof for prompt and story. The weights stay secret.

proof = circuit.prove_text(story)
print(proof)

# Anyone else, with the key and the proof, and the tokenizer to read it.

with tempfile.TemporaryDirectory() as name:
    circuit.verifying_key.save(Path(name) / "stories.vk")
    prompt, ids = veritorch.verify_text(Path(name) / "stories.vk", proof)
print(f"valid: after {len(prompt)} tokens of prompt the model says {len(ids)} tokens, as above")
assert (prompt, ids) == (story.prompt_ids, story.ids)
