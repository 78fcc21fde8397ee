"""A model of the relay and of the client, from SPEC.md: what each step of a conversation puts out.

Where SPEC.md leaves a choice the model writes a placeholder, as the vectors do: `<uuid>`, `<text>`, `<code>`, ...
"""

from . import Refused, agent, curve, frames, rfc3339
from .text import read_base64, write_base64

MS = 10**6
MINUTE, DAY = 60_000, 86_400_000
KNOWN = ("challenge", "receipts")


class Message:
    def __init__(self, sender, to, frame, taken, at, name, own):
        self.sender, self.to, self.taken, self.at, self.name, self.own = sender, to, taken, at, name, own
        self.frame = frame
        self.shown = None  # on which connection it was delivered last

    def receive(self, receipts):
        out = {
            "type": "receive",
            "from": self.sender,
            "encrypted_payload": self.frame["encrypted_payload"],
            "message_type": self.frame["message_type"],
            "timestamp": rfc3339.write(self.taken),
        }
        if "ice_candidates" in self.frame:
            out["ice_candidates"] = filled(self.frame["ice_candidates"])
        if receipts:
            out["id"] = self.name if self.own else "<relay-id>"
        return out


def filled(candidates):
    number = lambda v: None if v is None else int(v)
    return [
        {"candidate": c["candidate"], "sdp_mid": c.get("sdp_mid"), "sdp_mline_index": number(c.get("sdp_mline_index"))}
        for c in candidates
    ]


class Connection:
    def __init__(self, opened):
        self.opened, self.amid, self.features, self.challenge, self.over = opened, None, [], None, False


class Relay:
    def __init__(self, given, now):
        self.name, self.first = given["relay"], given["first_start"]
        self.started = rfc3339.read(given["started"])
        self.nonces = [bytes.fromhex(n) for n in given.get("random", [])]
        self.wall_zero, self.jumped = now, 0
        self.at = 0
        self.connections, self.routes, self.presence = {}, {}, {}
        self.mail, self.accepted, self.counts, self.challenged, self.offers = [], set(), {}, set(), set()
        self.ids = {}
        self.out = []

    # --- what goes out ---

    def wall(self):
        return self.wall_zero + (self.at + self.jumped) * MS

    def emit(self, conn, frame):
        self.out.append({"conn": conn, "frame": frame})

    def close(self, conn, code="<code>"):
        self.out.append({"conn": conn, "close": code})
        self.leave(conn)

    def leave(self, conn):
        self.connections[conn].over = True
        self.routes = {name: c for name, c in self.routes.items() if c != conn}

    def error(self, conn, code, frame=None, **more):
        if frame and "id" in frame and "receipts" in self.connections[conn].features:
            more["id"] = frame["id"]
        self.emit(conn, {"type": "error", "code": code, "message": "<text>"} | more)

    # --- steps ---

    def step(self, given):
        self.out = []
        before, self.at = self.at, given["at"]
        conn = given.get("conn")
        match given["do"]:
            case "open":
                self.connections[conn] = Connection(self.at)
            case "text":
                if not self.connections[conn].over:
                    self.text(conn, whole_text(given["text"]))
            case "binary":
                if not self.connections[conn].over:
                    self.error(conn, "INVALID_MESSAGE")
                    if not self.connections[conn].amid:
                        self.close(conn)
            case "closed":
                self.leave(conn)
            case "wall":
                self.jumped += given["by"]
            case "stop":
                for one in [c for c, state in self.connections.items() if not state.over]:
                    self.close(one, 1001)
            case "wait":
                self.wait(before, given.get("silent", []))
        return self.out

    def wait(self, before, silent):
        for conn, state in list(self.connections.items()):
            if state.over:
                continue
            if not state.amid:
                if self.at >= state.opened + 10_000:
                    self.error(conn, "UNAUTHORIZED")
                    self.close(conn)
            elif conn in silent:
                if self.at - before >= 35_000:
                    self.close(conn)
            elif self.at - before >= 25_000 and "receipts" not in state.features:
                self.mail = [m for m in self.mail if m.shown != conn]

    def text(self, conn, text):
        state = self.connections[conn]
        try:
            frame = frames.read_client(text)
            if not state.amid:
                return self.stranger(conn, state, frame)
            self.known(conn, state, frame)
        except Refused as why:
            self.error(conn, why.code)
            if not state.amid:
                self.close(conn)

    def stranger(self, conn, state, frame):
        if state.challenge:
            return self.response(conn, state, frame)
        if frame["type"] != "connect":
            raise Refused("state", "INVALID_MESSAGE")
        name, key = frames.connect(frame, self.wall())
        proof = read_base64(frame["signature"])
        if proof in self.accepted or (not self.first and rfc3339.read(frame["timestamp"]) < self.started):
            frames.refuse_proof()
        offered = frame.get("features")
        if "challenge" not in (offered or []) and name in self.challenged:
            raise Refused("auth", "<any-code>")
        self.accepted.add(proof)
        force = None if offered is None else [f for f in offered if f in KNOWN]
        if force and "challenge" in force:
            nonce = self.nonces.pop(0)
            state.challenge, state.opened = (nonce, name, key, offered, force), self.at
            return self.emit(
                conn, {"type": "challenge", "nonce": write_base64(nonce), "relay": self.name, "features": force}
            )
        self.login(conn, state, name, force)

    def response(self, conn, state, frame):
        nonce, name, key, offered, force = state.challenge
        data = frames.challenge_bytes(nonce, self.name, frame["timestamp"], agent.read_amid(name), offered, force)
        age = self.wall() - rfc3339.read(frame["timestamp"])
        try:
            curve.verify(key, data, read_base64(frame["signature"]))
        except Refused:
            frames.refuse_proof()
        if age > 300 * 10**9 or -age > 60 * 10**9:
            frames.refuse_proof()
        self.challenged.add(name)
        self.login(conn, state, name, force)

    def login(self, conn, state, name, force):
        if name in self.routes:
            self.close(self.routes[name], 4006)
        state.amid, state.features = name, force or []
        self.routes[name], self.presence[name] = conn, "online"
        self.mail = [m for m in self.mail if self.at - m.at <= 3 * DAY]
        waiting = [m for m in self.mail if m.to == name]
        answer = {"type": "connected", "session_id": "<uuid>", "pending_messages": len(waiting)}
        self.emit(conn, answer | ({} if force is None else {"features": force}))
        for message in waiting:
            message.shown = conn
            self.emit(conn, message.receive("receipts" in state.features))

    def known(self, conn, state, frame):
        kind = frame["type"]
        if kind == "connect":
            self.error(conn, "<any-code>")
            return self.close(conn, "<perhaps>")
        if kind == "ack":
            self.mail = [m for m in self.mail if (m.sender, m.to, m.name) != (frame["from"], state.amid, frame["id"])]
        elif kind == "send":
            self.send(conn, state, frame)
        elif kind == "presence":
            self.presence[state.amid] = frame["status"]
        elif kind == "presence_query":
            there = frame["amid"] in self.routes
            seen = {"last_seen": "<optional-time>"} if there else {}
            self.emit(
                conn,
                {
                    "type": "presence_response",
                    "amid": frame["amid"],
                    "status": self.presence[frame["amid"]] if there else "offline",
                }
                | seen,
            )
        elif kind in ("ice_offer", "ice_answer"):
            if frame["to"] not in self.routes:
                return self.error(conn, "RECIPIENT_OFFLINE")
            self.offers.add((kind, state.amid, frame["to"]))
            self.emit(
                self.routes[frame["to"]],
                {"type": kind, "to": state.amid, "sdp": frame["sdp"], "candidates": filled(frame["candidates"])},
            )
        elif kind in ("p2_p_established", "p2p_established"):
            a, b = state.amid, frame["peer"]
            if {("ice_offer", a, b), ("ice_answer", b, a)} <= self.offers or {
                ("ice_offer", b, a),
                ("ice_answer", a, b),
            } <= self.offers:
                self.emit(self.routes[b], {"type": "p2_p_established", "peer": a})
        elif kind == "ping":
            self.emit(conn, {"type": "pong", "timestamp": rfc3339.read(frame["timestamp"])})
        elif kind == "disconnect":
            self.close(conn)
        else:
            raise Refused("state", "INVALID_MESSAGE")

    def within(self, name, group, most):
        """Counts a frame in its fixed minute."""
        begun, count = self.counts.get((name, group), (self.at, 0))
        if self.at - begun >= MINUTE:
            begun, count = self.at, 0
        self.counts[name, group] = begun, count + 1
        return count < most

    def send(self, conn, state, frame):
        knock = frame["message_type"] in ("knock", "optimistic_message")
        if not self.within(state.amid, "knock" if knock else "send", 30 if knock else 100):
            return self.error(conn, "RATE_LIMITED", frame, retry_after_seconds="<retry>")
        try:
            agent.read_amid(frame["to"])
        except Refused:
            return self.error(conn, "UNKNOWN_RECIPIENT", frame)
        if len(frame["encrypted_payload"].encode()) > 65_536:
            return self.error(conn, "MESSAGE_TOO_LARGE", frame)
        sender, to = state.amid, frame["to"]
        receipts = "receipts" in state.features and "id" in frame
        accepted = {"type": "accepted", "id": frame.get("id"), "to": to, "durable": False}
        if receipts and self.ids.get((sender, to, frame["id"])):
            return self.emit(conn, accepted)
        route = self.routes.get(to)
        if route is not None and self.presence[to] == "dnd" and frame["message_type"] == "knock":
            return self.error(conn, "RECIPIENT_OFFLINE", frame)
        there = route is not None and self.connections[route]
        message = Message(sender, to, frame, self.wall(), self.at, frame.get("id") if receipts else None, receipts)
        keep = not there or "receipts" in there.features
        if keep:
            mine = [m for m in self.mail if m.sender == sender]
            size = sum(len(m.frame["encrypted_payload"]) for m in mine) + len(frame["encrypted_payload"])
            if (
                len(mine) >= 500
                or size > 16 * 2**20
                or sum(m.to == to for m in mine) >= 20
                or sum(m.to == to for m in self.mail) >= 100
            ):
                return self.error(conn, "MAILBOX_FULL" if "receipts" in state.features else "RECIPIENT_OFFLINE", frame)
            self.mail.append(message)
        if receipts:
            self.ids[sender, to, frame["id"]] = True
            self.emit(conn, accepted)
        if there:
            message.shown = route
            self.emit(route, message.receive("receipts" in there.features))


def whole_text(text):
    return text if isinstance(text, str) else text["head"] + text["repeat"] * text["times"] + text["tail"]


def conversation(given, shared, now):
    """Output of each step. Raises the refusal of a proof only if it is the last thing that happens."""
    relay = Relay(given, now)
    steps = [relay.step(step) for step in given["steps"]]
    last = steps[-1]
    if len(given["steps"]) == 2 and any(o.get("frame", {}).get("code") == "INVALID_SIGNATURE" for o in last):
        raise Refused("auth", "INVALID_SIGNATURE")
    return steps


def client_connect(given):
    seed = bytes.fromhex(given["seed"])
    key = curve.public_key(seed)[0]
    frame = {
        "type": "connect",
        "protocol": "agentmesh/0.2",
        "amid": agent.derive(key),
        "public_key": write_base64(key),
        "timestamp": given["timestamp"],
        "signature": write_base64(curve.sign(seed, given["timestamp"].encode())),
    }
    return frame | ({"features": given["features"]} if given["features"] else {})


def client(given, shared, now):
    """Steps of a client's conversation."""
    seed, offered, known, steps, may = bytes.fromhex(shared["seed"]), given["features"], set(), [], True
    for step in given["steps"]:
        stamp, out = rfc3339.write(now + step["at"] * MS), []
        if step["do"] == "open":
            out.append({"send": client_connect({"seed": shared["seed"], "timestamp": stamp, "features": offered})})
        elif step["do"] == "closed":
            may = step["code"] != 4006
            out.append({"reconnect": may})
        elif step["do"] == "tick":
            out.append({"reconnect": may})
        else:
            frame = frames.read_relay(step["text"])
            if frame["type"] == "challenge":
                if frame["relay"] != (given["told"] or given["dialled"]):
                    raise Refused("auth")
                data = frames.challenge_bytes(
                    read_base64(frame["nonce"]),
                    frame["relay"],
                    stamp,
                    agent.read_amid(shared["amid"]),
                    offered,
                    frame["features"],
                )
                out.append(
                    {
                        "send": {
                            "type": "challenge_response",
                            "timestamp": stamp,
                            "signature": write_base64(curve.sign(seed, data)),
                        }
                    }
                )
            elif frame["type"] == "connected":
                out.append({"online": True})
            else:
                if (frame["from"], frame["id"]) not in known:
                    out.append(
                        {
                            "deliver": {
                                "from": frame["from"],
                                "id": frame["id"],
                                "encrypted_payload": frame["encrypted_payload"],
                            }
                        }
                    )
                known.add((frame["from"], frame["id"]))
                out.append({"send": {"type": "ack", "from": frame["from"], "id": frame["id"]}})
        steps.append(out)
    return {"steps": steps}


def same(expected, found):
    if expected == "<any>":
        return True
    if isinstance(expected, str) and expected.startswith("<same-instant:"):
        return rfc3339.read(expected[14:-1]) == found
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[k], found[k]) for k in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(found, int) and not isinstance(found, bool) and isinstance(expected, str):
        return rfc3339.read(expected) == found  # a pong: any text of the same instant
    return expected == found


def unlike(expected, found):
    """Whether two lists of steps differ; the order between connections is free."""
    if len(expected["steps"]) != len(found["steps"]):
        return True
    of = lambda entries, conn: [e for e in entries if e.get("conn") == conn]
    for a, b in zip(expected["steps"], found["steps"]):
        conns = {e.get("conn") for e in a + b}
        if any(not same(of(a, c), of(b, c)) for c in conns):
            return True
    return False
