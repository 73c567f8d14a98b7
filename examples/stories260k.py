"""From llama2.c's format to a Hugging Face folder: the checkpoint `demo/data/stories260K` was made by this script.

    python examples/stories260k.py stories260K.bin tok512.bin demo/data/stories260K

Both files are described by `run.c` of https://github.com/karpathy/llama2.c. NumPy is all that is needed.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

model_file, tokenizer_file, folder = (Path(argument) for argument in sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)

# The model: seven numbers, then every weight in single precision, layer by layer within each kind.

content = model_file.read_bytes()
width, inner, layers, heads, groups, vocabulary, positions = struct.unpack("<7i", content[:28])
is_tied, vocabulary, dim = vocabulary > 0, abs(vocabulary), width // heads
numbers = np.frombuffer(content, "<f4", offset=28)


def take(*shape: int) -> np.ndarray:
    """The next numbers of the file."""
    global numbers
    taken, numbers = np.split(numbers, [int(np.prod(shape))])
    return taken.reshape(shape)


def halves(matrices: np.ndarray) -> np.ndarray:
    """llama2.c turns (0, 1), (2, 3), ..; transformers turns (0, d/2), (1, d/2 + 1), ..: rows change places."""
    pairs = matrices.reshape(layers, -1, dim // 2, 2, width)
    return pairs.swapaxes(2, 3).reshape(matrices.shape)


tensors = {"model.embed_tokens.weight": take(vocabulary, width)}
parts = {
    "input_layernorm": take(layers, width),
    "self_attn.q_proj": halves(take(layers, width, width)),
    "self_attn.k_proj": halves(take(layers, groups * dim, width)),
    "self_attn.v_proj": take(layers, groups * dim, width),
    "self_attn.o_proj": take(layers, width, width),
    "post_attention_layernorm": take(layers, width),
    "mlp.gate_proj": take(layers, inner, width),
    "mlp.down_proj": take(layers, width, inner),
    "mlp.up_proj": take(layers, inner, width),
}
for part, matrices in parts.items():
    tensors |= {f"model.layers.{layer}.{part}.weight": matrix for layer, matrix in enumerate(matrices)}
tensors["model.norm.weight"] = take(width)
take(2, positions, dim // 2)  # tables of the rotary embedding
if not is_tied:
    tensors["lm_head.weight"] = take(vocabulary, width)
assert not numbers.size, "the file is longer than its header says"

# safetensors: the length of a header, the header, the numbers in half precision.

header, offset = {"__metadata__": {"format": "pt"}}, 0
for name, tensor in tensors.items():
    header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": [offset, offset + 2 * tensor.size]}
    offset += 2 * tensor.size
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(folder / "model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for tensor in tensors.values():
        file.write(tensor.astype("<f2").tobytes())

config = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": width,
    "intermediate_size": inner,
    "num_hidden_layers": layers,
    "num_attention_heads": heads,
    "num_key_value_heads": groups,
    "vocab_size": vocabulary,
    "max_position_embeddings": positions,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": is_tied,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float16",
}
(folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

# The tokenizer: scores and pieces. Tokens 0 to 2 are special, 3 to 258 are single bytes. llama2.c joins the two
# neighbours whose joined piece has the greatest score, again and again: byte-pair encoding, merges by falling score.

content, at, pieces, scores = tokenizer_file.read_bytes(), 4, [], []
while at < len(content):
    score, length = struct.unpack_from("<fi", content, at)
    pieces.append(content[at + 8 : at + 8 + length].decode())
    scores.append(score)
    at += 8 + length
pieces[1:3] = ["<s>", "</s>"]
vocab = {piece: token for token, piece in enumerate(pieces)}
merges = [
    (piece[:cut], piece[cut:])
    for piece in sorted(pieces[259:], key=lambda piece: -scores[vocab[piece]])
    for cut in range(1, len(piece))
    if vocab.keys() >= {piece[:cut], piece[cut:]}
]
special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
start = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
tokenizer = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [{"id": token, "content": pieces[token], **special} for token in range(3)],
    "normalizer": {"type": "Prepend", "prepend": " "},
    "pre_tokenizer": None,
    "post_processor": {
        "type": "TemplateProcessing",
        "single": start,
        "pair": [*start, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    },
    "decoder": {
        "type": "Sequence",
        "decoders": [
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    },
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": vocab,
        "merges": merges,
    },
}
(folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
size = sum(tensor.size for tensor in tensors.values())
print(f"{folder}: {size:,} weights, {len(vocab)} tokens, {len(merges)} merges")
