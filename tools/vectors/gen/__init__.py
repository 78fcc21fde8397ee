"""The rows of vectors/, one module an area. Every expectation is a reading of SPEC.md, never output of the library."""
