"""Columns of committed matrices (docs/format.md, "Columns")."""

from __future__ import annotations

from blake3 import blake3

from .errors import Refused
from .field import P, root_of_unity
from .merkle import num_nodes, root_of
from .transcript import Transcript

# Elements that BLAKE3 hashes in one piece, elements of a salt, and of what a node is the hash of.
CHUNK = 128
SALT = 2
NODE = 8


def draw(transcript: Transcript, label: str, count: int, log_domain: int) -> list[int]:
    """Positions in rising order, each once."""
    return sorted(set(transcript.indices(label, count, log_domain)))


def points(log_domain: int, indices: list[int]) -> list[int]:
    """The points of the domain at these positions."""
    generator = root_of_unity(log_domain)
    return [pow(generator, index, P) for index in indices]


def leaf(column: bytes, salt: bytes) -> bytes:
    """The hash of a column; none is the hash of 64 bytes, as a node is."""
    length = (len(column) + len(salt)) // 8
    if length == NODE:
        salt += bytes(8)
        length += 1
    if length <= CHUNK:
        return blake3(column + salt).digest()
    chunks = [column[i : i + 8 * CHUNK] for i in range(0, len(column), 8 * CHUNK)]
    message = b"".join(blake3(chunk).digest() for chunk in chunks) + salt
    return blake3(message, derive_key_context="veritorch 2026 column").digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two hashes."""
    return blake3(left + right).digest()


def receive(
    transcript: Transcript, label: str, root: bytes, width: int, salt: int, log_domain: int, indices: list[int]
) -> list[list[int]]:
    """Columns of `width` elements at these positions, checked against the root."""
    data = transcript.receive_embedded(label)
    length = 8 * (width + salt)
    cut = length * len(indices)
    if len(data) != cut + 32 * num_nodes(log_domain, indices):
        raise Refused(f"`{label}`: another length")
    transcript.split_last(label, [("cells", 0, cut), ("nodes", cut, len(data))])
    transcript.absorb(label, blake3(data).digest())
    cells = [int.from_bytes(data[i : i + 8], "little") for i in range(0, cut, 8)]
    if any(cell >= P for cell in cells):
        raise Refused(f"`{label}`: an element is not canonical")
    columns = [data[i : i + length] for i in range(0, cut, length)]
    leaves = {
        index: leaf(column[: 8 * width], column[8 * width :]) for index, column in zip(indices, columns, strict=True)
    }
    nodes = [data[i : i + 32] for i in range(cut, len(data), 32)]
    if root_of(log_domain, leaves, nodes, node) != root:
        raise Refused(f"`{label}`: paths do not lead to the root")
    size = width + salt
    return [cells[i : i + width] for i in range(0, len(cells), size)]
