"""Hexadecimal, base64, base58, UTF-8."""

from . import Refused

B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def read_hex(text):
    if len(text) % 2:
        raise Refused("parse")
    out = bytearray()
    for i in range(0, len(text), 2):
        pair = [("0123456789abcdef".find(c) if c not in "ABCDEF" else ord(c) - 55) for c in text[i : i + 2]]
        if -1 in pair:
            raise Refused("parse")
        out.append(pair[0] * 16 + pair[1])
    return bytes(out)


def read_base64(text):
    """Bit by bit: AM-ENC-003 to AM-ENC-005."""
    body = text.rstrip("=")
    padding = len(text) - len(body)
    if len(text) % 4 or padding > 2 or (padding and len(body) % 4 not in (2, 3)):
        raise Refused("parse")
    bits = ""
    for c in body:
        if c not in B64:
            raise Refused("parse")
        bits += format(B64.index(c), "06b")
    whole = len(bits) // 8 * 8
    if "1" in bits[whole:]:
        raise Refused("parse")
    return bytes(int(bits[i : i + 8], 2) for i in range(0, whole, 8))


def write_base64(data):
    bits = "".join(format(b, "08b") for b in data)
    bits += "0" * (-len(bits) % 6)
    text = "".join(B64[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))
    return text + "=" * (-len(text) % 4)


def write_base58(data):
    """Long division of the byte string, digit by digit."""
    digits = []
    for byte in data:
        carry = byte
        for i in range(len(digits)):
            carry += digits[i] * 256
            carry, digits[i] = divmod(carry, 58)
        while carry:
            carry, digit = divmod(carry, 58)
            digits.append(digit)
    zeros = 0
    while zeros < len(data) and data[zeros] == 0:
        zeros += 1
    return "1" * zeros + "".join(B58[d] for d in reversed(digits))


def read_base58(text, most):
    """At most `most` bytes; the text is measured before any of it is decoded."""
    longest = max(len(write_base58(b"\xff" * most)), most)
    if len(text) > longest:
        raise Refused("limit")
    out = []
    for c in text:
        carry = B58.find(c)
        if carry < 0:
            raise Refused("parse")
        for i in range(len(out)):
            carry += out[i] * 58
            out[i], carry = carry & 255, carry >> 8
        while carry:
            out.append(carry & 255)
            carry >>= 8
    zeros = 0
    while zeros < len(text) and text[zeros] == "1":
        zeros += 1
    data = bytes(zeros) + bytes(reversed(out))
    if len(data) > most:
        raise Refused("limit")
    return data


def utf8_length(data, at):
    """Bytes of the well-formed sequence at a place, 0 if there is none: Unicode table 3-7."""
    first = data[at]
    if first < 0x80:
        return 1
    for low, high, second, length in (
        (0xC2, 0xDF, (0x80, 0xBF), 2),
        (0xE0, 0xE0, (0xA0, 0xBF), 3),
        (0xE1, 0xEC, (0x80, 0xBF), 3),
        (0xED, 0xED, (0x80, 0x9F), 3),
        (0xEE, 0xEF, (0x80, 0xBF), 3),
        (0xF0, 0xF0, (0x90, 0xBF), 4),
        (0xF1, 0xF3, (0x80, 0xBF), 4),
        (0xF4, 0xF4, (0x80, 0x8F), 4),
    ):
        if low <= first <= high:
            rest = data[at + 1 : at + length]
            good = (
                len(rest) == length - 1
                and second[0] <= rest[0] <= second[1]
                and all(0x80 <= b <= 0xBF for b in rest[1:])
            )
            return length if good else 0
    return 0


def hopeless(data):
    """Where well-formed UTF-8 becomes impossible: the index of the first byte that spoils it, or None."""
    at = 0
    while at < len(data):
        length = utf8_length(data, at)
        if length:
            at += length
            continue
        for size in range(1, 5):
            if at + size > len(data):
                return None
            beginnings = {
                1: (b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80", b"\x80\x80"),
                2: (b"\x80", b"\x80\x80"),
                3: (b"\x80",),
            }.get(size, ())
            if not any(utf8_length(data[at : at + size] + more, 0) == size + len(more) for more in beginnings):
                return at + size - 1
        return at
    return None


def is_utf8(data):
    at = 0
    while at < len(data):
        length = utf8_length(data, at)
        if not length:
            return False
        at += length
    return True
