"""``python -m veritorch_spec KEY.vk PROOF.proof``: exit 0 accepted, 1 refused, 2 bad use or a bad key."""

from __future__ import annotations

import sys
from pathlib import Path

from .errors import BadKey, Refused
from .key import Proof, VerifyingKey
from .verify import verify


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) != 2:
        print("usage: python -m veritorch_spec KEY.vk PROOF.proof", file=sys.stderr)
        return 2
    try:
        key_bytes, proof_bytes = (Path(argument).read_bytes() for argument in arguments)
        key = VerifyingKey.parse(key_bytes)
    except (OSError, BadKey) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        verified = verify(key, Proof.parse(proof_bytes))
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except BadKey as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Rounded down.
    print(f"valid: {int(verified.bits * 10) / 10} bits")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
