"""Keccak-256 with its original padding, which names the patterns of WHIR's transcript. [Keccak team 2011]"""

from __future__ import annotations

MASK = 2**64 - 1
RATE = 136


def rotate(word: int, by: int) -> int:
    """To the left."""
    return ((word << by) | (word >> (64 - by))) & MASK if by else word


def round_constants() -> list[int]:
    """By the linear feedback shift register of the specification."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


CONSTANTS = round_constants()


def permute(lanes: list[int]) -> list[int]:
    """Keccak-f[1600] on 25 lanes, lane ``(x, y)`` at ``x + 5 y``."""
    for constant in CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        lanes = [lanes[i] ^ parity[(i - 1) % 5] ^ rotate(parity[(i + 1) % 5], 1) for i in range(25)]
        moved = [0] * 25
        moved[0] = lanes[0]
        x, y = 1, 0
        for t in range(24):
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(lanes[x + 5 * y], (t + 1) * (t + 2) // 2 % 64)
            x, y = y, (2 * x + 3 * y) % 5
        lanes = [
            moved[i] ^ (~moved[(i % 5 + 1) % 5 + i // 5 * 5] & MASK & moved[(i % 5 + 2) % 5 + i // 5 * 5])
            for i in range(25)
        ]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """The digest."""
    padded = bytearray(data) + bytes(RATE - len(data) % RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), RATE):
        for i in range(RATE // 8):
            lanes[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        lanes = permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
