"""Merkle multi-openings (docs/format.md, "Merkle trees")."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Node = Callable[[bytes, bytes], bytes]


def root_of(depth: int, leaves: dict[int, bytes], nodes: Sequence[bytes], node: Node) -> bytes | None:
    """The root that leaves and nodes lead to, if there are exactly as many nodes as are needed.

    A node is needed where a subtree holds no leaf but its sibling does. Nodes lie level by level from the leaves up, in
    rising order.
    """
    rest = iter(nodes)
    known = dict(leaves)
    for _ in range(depth):
        above: dict[int, bytes] = {}
        for index in sorted(known):
            if index // 2 in above:
                continue
            sibling = known.get(index ^ 1)
            if sibling is None:
                sibling = next(rest, None)
                if sibling is None:
                    return None
            pair = (known[index], sibling) if index % 2 == 0 else (sibling, known[index])
            above[index // 2] = node(*pair)
        known = above
    if next(rest, None) is not None or set(known) != {0}:
        return None
    return known[0]


def num_nodes(depth: int, indices: Sequence[int]) -> int:
    """How many nodes an opening of these leaves carries."""
    known, count = set(indices), 0
    for _ in range(depth):
        count += sum(index ^ 1 not in known for index in known)
        known = {index // 2 for index in known}
    return count
