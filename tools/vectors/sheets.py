"""Markdown for auditors: one row a test, the reason first, the bytes last."""

import json


def _cell(value, limit=96):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    text = "".join(c if " " <= c < "\x7f" else f"\\u{ord(c):04x}" for c in text)
    if len(text) > limit:
        text = f"{text[:limit - 12]}... ({len(text)} characters)"
    text = text.replace("\\", "\\\\").replace("|", "\\|")
    for mark in "`*_<>[]":
        text = text.replace(mark, "\\" + mark)
    return text


def _fields(value):
    return "; ".join(f"{key}={_cell(item)}" for key, item in value.items())


def sheet(stem, text):
    document = json.loads(text)
    groups = document.get("groups", [])
    count = sum(len(g["tests"]) for g in groups)
    lines = [
        f"# {stem}: {count} tests",
        "",
        f"Generated from `vectors/{stem}.json`. Do not edit.",
        "",
        "| flag | requirements | what goes wrong without it |",
        "|---|---|---|",
    ]
    for flag, note in document.get("notes", {}).items():
        told = _cell(note["bug"], 400) + (": " + _cell(note["effect"], 400) if note.get("effect") else "")
        lines.append(f"| {_cell(flag)} | {', '.join(note['req'])} | {told} |")
    for group in groups:
        lines += ["", f"## {group['type']}", "", f"Origin: {group['origin']}."]
        if group.get("shared"):
            lines += ["", "Shared: " + _fields(group["shared"])]
        lines += ["", "| test | why | expected | flags | twin | input | output |", "|---|---|---|---|---|---|---|"]
        for test in group["tests"]:
            given = ({"now": test["now"]} if "now" in test else {}) | test["input"]
            lines.append(
                f"| {test['tcId']} | {_cell(test['comment'], 200)} | {test['expect']} | "
                f"{', '.join(test['flags'])} | {test.get('twin', '')} | {_fields(given)} | "
                f"{_fields(test.get('output', {}))} |"
            )
    return "\n".join(lines) + "\n"
