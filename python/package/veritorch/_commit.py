"""`commit`: commitments to data that were there before any proof."""

from __future__ import annotations

from . import _veritorch as native
from ._arrays import Data, named_arrays
from ._commitment import DEFAULT_OPENINGS, Commitment
from ._errors import InputError
from ._options import Path, Profile, Progress, choice, watch
from ._proof import VerifyingKey


def commit(
    x: Data,
    *,
    key: VerifyingKey | Path | None = None,
    scale: float | None = None,
    openings: int = DEFAULT_OPENINGS,
    profile: Profile = "standard",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Commitment:
    """Commits to data, before any proof is made about it.

    Args:
        x: The data: with a key as in `Circuit.run`, else arrays by name (a single array is called "x").
        key: Round as this model rounds its inputs, so that it can prove about them.
        scale: Instead: real value of one step. Without either, steps are the least power of two for which the numbers
            of an array fit 16 bits, which shows how large its greatest one is up to a factor of two; compile with
            `input_like`.
        openings: Proofs that the commitment can be used in.
        profile: The security profile of the proofs it will be used in; the key's own, where there is a key.
        threads: As in `compile`.
        progress: As in `compile`.

    Raises:
        InputError: A wrong name, shape or type, or NaN or infinity.
        OptionError: A scale or number of openings out of range.

    Example:
        >>> scan = commit(image, key="model.vk")              # doctest: +SKIP
        >>> scan.save("scan.commitment")                      # doctest: +SKIP
        >>> proof = circuit.prove(commitment=scan)            # doctest: +SKIP
    """
    key = key if key is None or isinstance(key, VerifyingKey) else VerifyingKey.load(key)
    names = ["x"] if key is None else list(key.inputs)
    return Commitment(
        native.commit(
            named_arrays("input", names, x, InputError),
            key=None if key is None else key._native,
            scale=scale,
            openings=openings,
            high=choice("profile", profile, "standard", "high") == "high",
            watch=watch(threads, progress),
        )
    )
