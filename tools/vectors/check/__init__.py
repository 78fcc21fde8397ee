"""A second reading of SPEC.md, in Python, that shares no code with the generator or the library."""


class Refused(Exception):
    """An input that SPEC.md refuses: the class of the reason, for frames the error code that answers, and what else the
    refusal tells, such as the line of a file."""

    def __init__(self, why, code=None, clause=None, output=None):
        super().__init__(why)
        self.why, self.code, self.clause, self.output = why, code, clause, output or {}
