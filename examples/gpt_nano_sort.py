"""From minGPT's format to a Hugging Face folder: the checkpoint `demo/data/gpt-nano-sort` was made by this script.

    python examples/gpt_nano_sort.py gpt-nano-sort-model.json demo/data/gpt-nano-sort

The file is that of the project llm-viz (Brendan Bycroft, MIT); the model sorts six digits from 0 to 2. Nothing but
Python is needed.
"""

import base64
import json
import struct
import sys
from pathlib import Path

model_file, folder = (Path(argument) for argument in sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)

# The model: tensors by the names of minGPT, in single precision. Its linear layers are `[out, in]`, those of GPT-2
# `[in, out]`.

content = json.loads(model_file.read_text())
config, tensors = content.pop("config"), {}
for name, tensor in content.items():
    if name.endswith(".attn.bias"):
        continue  # the causal mask
    data = base64.b64decode(tensor["data"])
    numbers, shape = struct.unpack(f"<{len(data) // 4}f", data), tensor["shape"]
    if any(part in name for part in ("c_attn.weight", "c_proj.weight", "c_fc.weight")):
        rows, columns = shape
        numbers = [numbers[row * columns + column] for column in range(columns) for row in range(rows)]
        shape = [columns, rows]
    tensors[name] = (shape, struct.pack(f"<{len(numbers)}e", *numbers))

# safetensors: the length of a header, the header, the numbers in half precision.

header, offset = {"__metadata__": {"format": "pt"}}, 0
for name, (shape, data) in tensors.items():
    header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + len(data)]}
    offset += len(data)
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(folder / "model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.writelines(data for _, data in tensors.values())

settings = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_layer": config["n_layer"],
    "n_head": config["n_head"],
    "n_embd": config["n_embd"],
    "vocab_size": config["vocab_size"],
    "n_positions": config["block_size"],
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}
(folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
