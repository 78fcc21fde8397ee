#!/usr/bin/env python3
"""Checks the direction of includes and the few doors to the outside world.

Usage: check_layers.py [INCLUDE_DIR]

Rules, as in docs/architecture.md:
  * a layer includes only the layers listed for it in ALLOWED;
  * Asio appears only under net/, sodium.h only under crypto/, OpenSSL only in the files of OPENSSL;
  * the system's clock is read only under net/, the system's randomness only in crypto/random.

Exit 0 when all hold; 1 with one line per violation; 2 on wrong usage.
"""

import pathlib
import re
import sys

ALLOWED = {
    "core": set(),
    "crypto": {"core"},
    "identity": {"core", "crypto"},
    "ws": {"core", "crypto"},
    "http": {"core", "ws"},
    "wire": {"core", "crypto", "identity"},
    "relay": {"core", "crypto", "identity", "wire"},
    "e2ee": {"core", "crypto", "identity"},
    "message": {"core", "crypto", "identity"},
    "session": {"core", "crypto", "identity", "wire", "e2ee", "message"},
    "registry": {"core", "crypto", "identity", "http", "e2ee", "store"},
    "dht": {"core", "crypto", "identity", "e2ee", "registry"},
    "p2p": {"core", "crypto"},
    "store": {"core", "crypto", "identity"},
    "agent": {"core", "crypto", "identity", "wire", "relay", "e2ee", "message", "session", "registry", "store"},
    "net": {"core", "crypto", "identity", "ws", "http", "wire", "relay", "e2ee", "message", "session", "registry", "store",
            "agent", "dht", "p2p"},
}
WS_MAY_USE = {"crypto/legacy.hpp", "crypto/kdf.hpp"}
OPENSSL = re.compile(r"^(net/tls\b|crypto/openssl_|identity/x509|p2p/dtls)")
RANDOM_DOOR = re.compile(r"^crypto/random\.[hi]pp$")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
CLOCK = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|utc_clock)\s*::\s*now|\bclock_gettime\b|\bgettimeofday\b|[^_\w.]time\s*\(\s*(nullptr|NULL|0)\s*\)")
RANDOM = re.compile(r"\brandom_device\b|\bgetrandom\b|\bgetentropy\b|\brandombytes_\w+|\barc4random\w*|[^_\w.]rand\s*\(\s*\)|/dev/u?random")


def violations(root: pathlib.Path):
    base = root / "agentmesh"
    for path in sorted(base.rglob("*.[hi]pp")):
        name = path.relative_to(base).as_posix()
        layer = name.split("/")[0] if "/" in name else None
        in_comment = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{path}:{number}"
            match = INCLUDE.match(line)
            if match:
                target = match.group(1)
                if target.startswith("agentmesh/") and layer:
                    inner = target[len("agentmesh/"):]
                    to = inner.split("/")[0] if "/" in inner else None
                    if to is None and inner != "version.hpp":
                        yield f"{where}: {layer}/ includes the umbrella header {inner}"
                    elif to and to != layer and to not in ALLOWED.get(layer, set()):
                        yield f"{where}: {layer}/ may not include {to}/ ({inner})"
                    elif layer == "ws" and to == "crypto" and inner not in WS_MAY_USE:
                        yield f"{where}: ws/ may use only {', '.join(sorted(WS_MAY_USE))} of crypto/"
                if layer and layer not in ALLOWED:
                    yield f"{where}: folder {layer}/ has no place in the layer table"
                if re.match(r"asio(\.hpp|/)", target) and layer != "net":
                    yield f"{where}: Asio outside net/"
                if re.match(r"sodium(\.h|/)", target) and layer != "crypto":
                    yield f"{where}: libsodium outside crypto/"
                if target.startswith("openssl/") and not OPENSSL.match(name):
                    yield f"{where}: OpenSSL outside its files"
                continue
            code, in_comment = strip_comments(line, in_comment)
            if CLOCK.search(code) and layer != "net":
                yield f"{where}: reads a system clock outside net/"
            if RANDOM.search(code) and not RANDOM_DOOR.match(name):
                yield f"{where}: draws system randomness outside crypto/random"


def strip_comments(line: str, inside: bool):
    out = ""
    while line:
        if inside:
            end = line.find("*/")
            if end < 0:
                return out, True
            line, inside = line[end + 2:], False
        else:
            block, single = line.find("/*"), line.find("//")
            if single >= 0 and (block < 0 or single < block):
                return out + line[:single], False
            if block < 0:
                return out + line, False
            out, line, inside = out + line[:block], line[block + 2:], True
    return out, inside


def main() -> int:
    if len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else pathlib.Path(__file__).parent.parent / "include"
    if not (root / "agentmesh").is_dir():
        print(f"{root}: no folder agentmesh/ here", file=sys.stderr)
        return 2
    found = list(violations(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
