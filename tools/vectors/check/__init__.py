"""A second reading of SPEC.md, in Python, that shares no code with the generator or the library."""


class Refused(Exception):
    """An input that SPEC.md refuses: the class of the reason and, for frames, the error code that answers."""

    def __init__(self, why, code=None, clause=None):
        super().__init__(why)
        self.why, self.code, self.clause = why, code, clause
