"""Noise that both sides compute from the statement's seeds (docs/protocol.md, section 5c)."""

from __future__ import annotations

from blake3 import blake3

DOMAIN = "veritorch 2026 noise v1"
# Logarithm of the number of classes of leading zeros.
LOG_OCTAVES = 5


def row(word: int, log_len: int) -> int:
    """The row of a table of ``2^log_len`` rows that a word of 32 bits chooses: by its leading zeros, then by the bits behind its highest one."""
    zeros = min(32 - word.bit_length(), 31)
    bits = log_len - LOG_OCTAVES
    behind = (word << (zeros + 1)) & 0xFFFFFFFF
    return zeros << bits | behind >> (32 - bits)


def noise(seed: list[int], values: list[int], length: int) -> list[int]:
    """The first entries of a seed's noise."""
    hasher = blake3(b"".join(word.to_bytes(8, "little", signed=True) for word in seed), derive_key_context=DOMAIN)
    stream = hasher.digest(length=4 * length)
    log_len = len(values).bit_length() - 1
    words = (int.from_bytes(stream[4 * i : 4 * i + 4], "little") for i in range(length))
    return [values[row(word, log_len)] for word in words]
