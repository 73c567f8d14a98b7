"""The exceptions of the package: one small tree.

::

    VeritorchError
    ├── ModelError          the model cannot be read, exported or compiled
    ├── CalibrationError    the calibration data does not fit, or the target cannot be met
    ├── InputError          an input does not fit the model
    │   └── RefusedInput    the circuit has no result for this input, so there is no proof
    ├── ProofError          there is no proof, or it cannot be read
    │   └── VerificationError   a check of the verifier failed
    ├── LedgerError         no opening of the model commitment is left, or it cannot be counted
    ├── ArtifactError       a file cannot be read or written, or is none of ours
    └── OptionError         an option out of its range (also a ValueError)
"""

from __future__ import annotations


class VeritorchError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes:
        hint: What can be done about it, or None. Tracebacks show it as a note below the message.
    """

    hint: str | None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        if hint is not None:
            self.add_note(f"hint: {hint}")


class ModelError(VeritorchError):
    """The model cannot be exported, read or compiled.

    Unsupported operators are listed all at once, each with its node's name and, where the exporter kept it, the line
    of the source that made it.
    """


class CalibrationError(VeritorchError):
    """Calibration data that does not fit the model, or an accuracy target that cannot be met with it."""


class InputError(VeritorchError):
    """An input with a wrong name, shape or type, or with NaN or infinity in it."""


class RefusedInput(InputError):
    """The circuit defines no result for this input: a value left the domain of a table.

    No proof can exist for it. The message names the node, which depends on the weights: it is for the model's owner.
    """


class ProofError(VeritorchError):
    """There is no proof, or its bytes are no proof."""


class VerificationError(ProofError):
    """A proof is refused.

    Attributes:
        check: Name of the check that failed, such as ``"opening"`` or ``"other model"``.
    """

    check: str

    def __init__(self, message: str, *, check: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.check = check

    def __reduce__(self) -> tuple[object, ...]:
        return _verification_error, (self.args[0], self.check, self.hint)


class ArtifactError(VeritorchError):
    """A file that cannot be read or written, is damaged, or holds something else than was asked for."""


class LedgerError(VeritorchError):
    """No opening of the model commitment is left, or none could be counted. Nothing was revealed."""


class OptionError(VeritorchError, ValueError):
    """An option out of its range, or options that exclude each other."""


class SaturationWarning(UserWarning):
    """Input values far outside the calibrated range: the circuit moves them into it."""


def _verification_error(message: str, check: str, hint: str | None) -> VerificationError:
    return VerificationError(message, check=check, hint=hint)
