"""Why something is refused."""


class Refused(Exception):
    """The proof does not show what it should: exit code 1. The argument names the check."""


class BadKey(Exception):
    """The verifying key or a file is not what it should be: exit code 2."""
