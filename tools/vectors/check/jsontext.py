"""RFC 8259 by recursive descent over bytes, with the bounds of SPEC.md, and RFC 8785."""

import decimal
import re

from . import Refused
from .text import utf8_length

DEPTH, MEMBERS = 64, 1024
PLAIN = re.compile(rb"[ !#-\[\]-~]+")  # ASCII that stands for itself


class Number(str):
    """A number as written."""


class Parser:
    def __init__(self, data):
        self.data, self.at = data, 0

    def refuse(self):
        raise Refused("parse")

    def peek(self):
        return self.data[self.at : self.at + 1]

    def space(self):
        while self.peek() and self.peek() in b" \t\n\r":
            self.at += 1

    def take(self, token):
        if not self.data.startswith(token, self.at):
            self.refuse()
        self.at += len(token)

    def document(self):
        value = self.value(0)
        self.space()
        if self.at != len(self.data):
            self.refuse()
        return value

    def value(self, depth):
        self.space()
        c = self.peek()
        if c in (b"{", b"["):
            if depth == DEPTH:
                raise Refused("limit")
            return self.object(depth + 1) if c == b"{" else self.array(depth + 1)
        if c == b'"':
            return self.string()
        for word, value in ((b"true", True), (b"false", False), (b"null", None)):
            if self.data.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number()

    def array(self, depth):
        self.take(b"[")
        self.space()
        if self.peek() == b"]":
            self.at += 1
            return []
        out = []
        while True:
            out.append(self.value(depth))
            self.space()
            if self.peek() == b"]":
                self.at += 1
                return out
            self.take(b",")

    def object(self, depth):
        self.take(b"{")
        self.space()
        if self.peek() == b"}":
            self.at += 1
            return {}
        out = {}
        while True:
            self.space()
            name = self.string()
            self.space()
            self.take(b":")
            if name in out:
                self.refuse()
            if len(out) == MEMBERS:
                raise Refused("limit")
            out[name] = self.value(depth)
            self.space()
            if self.peek() == b"}":
                self.at += 1
                return out
            self.take(b",")

    def string(self):
        self.take(b'"')
        out = []  # UTF-16, so that pairs can be judged across escapes
        while True:
            run = PLAIN.match(self.data, self.at)
            if run:
                out.append(run[0].decode("ascii").encode("utf-16-be"))
                self.at = run.end()
            c = self.peek()
            if not c or c < b" ":
                self.refuse()
            if c == b'"':
                self.at += 1
                break
            if c == b"\\":
                unit = self.escape()
                out.append(unit.to_bytes(2, "big"))
                if 0xD800 <= unit <= 0xDBFF:
                    if not self.data.startswith(b"\\u", self.at):
                        self.refuse()
                    unit = self.escape()
                    if not 0xDC00 <= unit <= 0xDFFF:
                        self.refuse()
                    out.append(unit.to_bytes(2, "big"))
                elif 0xDC00 <= unit <= 0xDFFF:
                    self.refuse()
                continue
            length = utf8_length(self.data, self.at)
            if not length:
                self.refuse()
            out.append(self.data[self.at : self.at + length].decode("utf-8").encode("utf-16-be"))
            self.at += length
        return b"".join(out).decode("utf-16-be")

    def escape(self):
        self.take(b"\\")
        c = self.peek()
        self.at += 1
        simple = {b'"': 34, b"\\": 92, b"/": 47, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9}
        if c in simple:
            return simple[c]
        digits = self.data[self.at : self.at + 4]
        if c != b"u" or len(digits) != 4 or any(d not in b"0123456789abcdefABCDEF" for d in digits):
            self.refuse()
        self.at += 4
        return int(digits, 16)

    def digits(self):
        begin = self.at
        while self.peek() and self.peek() in b"0123456789":
            self.at += 1
        if self.at == begin:
            self.refuse()
        return self.at - begin

    def number(self):
        begin = self.at
        if self.peek() == b"-":
            self.at += 1
        if self.peek() == b"0":
            self.at += 1
        else:
            self.digits()
        if self.peek() == b".":
            self.at += 1
            self.digits()
        if self.peek() in (b"e", b"E"):
            self.at += 1
            if self.peek() in (b"+", b"-"):
                self.at += 1
            self.digits()
        text = self.data[begin : self.at].decode()
        if float(text) in (float("inf"), float("-inf")):
            self.refuse()
        return Number(text)


def parse(text):
    return Parser(text.encode("utf-8") if isinstance(text, str) else text).document()


def integer(number):
    if not isinstance(number, Number) or any(c in number for c in ".eE") or abs(int(number)) > 2**53:
        raise Refused("parse")
    return int(number)


def shortest(value):
    """Digits and decimal exponent of the shortest text that reads back as the value: d.ddd times 10^exponent."""
    for precision in range(17):
        mantissa, exponent = f"{value:.{precision}e}".split("e")
        if float(f"{mantissa}e{exponent}") == value:
            return mantissa.replace(".", ""), int(exponent)
    raise AssertionError


def canonical_number(value):
    if value == 0:
        return "0"
    if value < 0:
        return "-" + canonical_number(-value)
    digits, exponent = shortest(value)
    digits = digits.rstrip("0") or "0"
    if 0 <= exponent <= 20:
        digits = digits.ljust(exponent + 1, "0")
        return digits[: exponent + 1] + ("." + digits[exponent + 1 :] if len(digits) > exponent + 1 else "")
    if -7 < exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    return (
        digits[0]
        + ("." + digits[1:] if len(digits) > 1 else "")
        + ("e+" if exponent > 0 else "e-")
        + str(abs(exponent))
    )


def canonical_string(text):
    out = '"'
    for c in text:
        short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}.get(ord(c))
        out += short or (f"\\u{ord(c):04x}" if ord(c) < 32 else c)
    return out + '"'


def canonical(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Number):
        written = canonical_number(float(value))
        if not set(value) & set(".eE") and int(value) != int(decimal.Decimal(written)):
            raise Refused("parse")  # an integer that its double is not
        return written
    if isinstance(value, str):
        return canonical_string(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"

    def units(name):
        raw = name.encode("utf-16-be")
        return [raw[i] << 8 | raw[i + 1] for i in range(0, len(raw), 2)]

    return "{" + ",".join(canonical_string(n) + ":" + canonical(value[n]) for n in sorted(value, key=units)) + "}"
