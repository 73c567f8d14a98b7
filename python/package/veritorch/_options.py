"""Options that several calls share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, TypeAlias, TypedDict

from ._errors import OptionError

Path: TypeAlias = str | os.PathLike[str]
Visibility: TypeAlias = Literal["private", "public", "committed"]
WeightsVisibility: TypeAlias = Literal["private", "public"]
Profile: TypeAlias = Literal["standard", "high"]
Progress: TypeAlias = Callable[[str], object]


class Watch(TypedDict):
    """How a long call runs."""

    threads: int | None
    progress: Progress | None


def watch(threads: int | None, progress: Progress | None) -> Watch:
    """How a long call runs, as the native module takes it."""
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise OptionError(f"threads: expected an integer of at least 1, got {threads!r}")
    if progress is not None and not callable(progress):
        raise OptionError(f"progress: expected something to call with the name of a phase, got {progress!r}")
    return {"threads": threads, "progress": progress}


def choice(option: str, value: str, *known: str) -> str:
    """The value of an option that has one of these."""
    if value not in known:
        *others, last = map(repr, known)
        raise OptionError(f"{option}: expected {', '.join(others)} or {last}, got {value!r}")
    return value
