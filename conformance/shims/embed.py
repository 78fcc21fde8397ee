#!/usr/bin/env python3
"""Writes vector files as C++, so that amconf needs no file beside itself.

    embed.py OUT.cpp ROOT FILE...

Each FILE below ROOT becomes a pair of its name without suffix and its JSON in short form.
"""

import json
import pathlib
import sys

CHUNK = 12_000  # characters of one literal; adjacent literals join


def literal(text):
    pieces = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    return "\n".join(f'R"vec({piece})vec"' for piece in pieces)


def main():
    out, root, *files = (pathlib.Path(argument) for argument in sys.argv[1:])
    entries = []
    for file in sorted(files):
        name = file.relative_to(root).with_suffix("").as_posix()
        text = json.dumps(json.loads(file.read_text(encoding="utf-8")), separators=(",", ":"))
        assert ")vec" not in text
        entries.append(f'    {{"{name}", std::string_view{{{literal(text)}, {len(text)}}}}},\n')
    out.write_text(
        "// Written by embed.py from vectors/.\n#include <array>\n#include <string_view>\n#include <utility>\n\n"
        "namespace agentmesh::conformance {\n"
        "using embedded_vector = std::pair<std::string_view, std::string_view>;\n"
        "extern const embedded_vector* const embedded_vectors;\nextern const unsigned long embedded_vector_count;\n"
        f"static constexpr std::array<embedded_vector, {len(entries)}> table{{{{\n{''.join(entries)}}}}};\n"
        "const embedded_vector* const embedded_vectors = table.data();\n"
        "const unsigned long embedded_vector_count = table.size();\n"
        "}  // namespace agentmesh::conformance\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
