"""A name server that answers as a file says, or in one of the wrong ways.

trouble_dns.py PORT FILE [ADDRESS]

FILE is JSON, read again when it changes: {name: {type: [value, …] or a way}}; for a name that is asked for another type there
is no data, and what is not in it does not exist. A way also holds for every name that has it as a label behind `x-`, such as
`_dmarc.x-servfail.example`.
"""
import json
import os
import socket
import socketserver
import struct
import sys
import threading

TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
CODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5, "nodata": 0}


def wire_name(name):
    labels = [label.encode("latin-1") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_value(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in ("PTR", "CNAME"):
        return wire_name(value)
    if kind == "MX":
        preference, host = value.split(" ")
        return struct.pack("!H", int(preference)) + wire_name(host)
    octets = value.encode("latin-1")
    pieces = [octets[start:start + 255] for start in range(0, len(octets), 255)] or [b""]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


class Zone:
    def __init__(self, path):
        self.path, self.read, self.names = path, None, {}
        self.lock = threading.Lock()

    def look_up(self, name, kind):
        with self.lock:
            changed = os.stat(self.path).st_mtime_ns
            if changed != self.read:
                self.names = {key.lower(): value for key, value in json.load(open(self.path)).items()}
                self.read = changed
            entry = self.names.get(name)
        if entry is not None:
            return entry.get(kind, entry.get("CNAME", "nodata"))
        for label in name.split("."):
            if label.startswith("x-"):
                return label[2:]
        return "nxdomain"


def question(query):
    position, labels = 12, []
    while query[position]:
        labels.append(query[position + 1:position + 1 + query[position]].decode("latin-1"))
        position += 1 + query[position]
    return ".".join(labels).lower(), TYPES.get(struct.unpack_from("!H", query, position + 1)[0], "?"), query[12:position + 5]


def answer(query, is_stream):
    """The octets of the answer; None for none."""
    name, kind, asked = question(query)
    found = zone.look_up(name, kind)

    def message(code=0, records=(), truncated=False, identifier=None):
        flags = 0x8180 | code | (0x0200 if truncated else 0)
        head = struct.pack("!HHHHHH", identifier or struct.unpack_from("!H", query)[0], flags, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 1, len(data)) + data for number, data in records)
        return head + asked + body

    if isinstance(found, list):
        entry = zone.names[name]
        actual = kind if kind in entry else "CNAME"
        number = next(number for number, text in TYPES.items() if text == actual)
        full = message(records=[(number, wire_value(actual, value)) for value in found])
        return full if is_stream or len(full) <= 1232 else message(truncated=True)
    if found in CODES:
        return message(CODES[found])
    if found == "truncated":
        return None if is_stream else message(truncated=True)
    if found == "garbage":
        return query[:2] + bytes(range(256)) * 2
    if found == "cut":
        return message(records=[(16, b"\xffv=spf1 +all")])[:-3]
    if found == "otherid":
        return message(records=[(16, b"\x0bv=spf1 +all")], identifier=struct.unpack_from("!H", query)[0] ^ 0x5555)
    if found == "loop":
        return message(records=[(5, wire_name(name))])
    if found == "chain":
        return message(records=[(5, wire_name("a" + name if len(name) < 240 else name[100:]))])
    return None  # silent


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        octets, sock = self.request
        back = answer(octets, False)
        if back:
            sock.sendto(back, self.client_address)


class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        head = self.request.recv(2, socket.MSG_WAITALL)
        if len(head) == 2:
            back = answer(self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL), True)
            if back:
                self.request.sendall(struct.pack("!H", len(back)) + back)


class DatagramServer(socketserver.ThreadingUDPServer):
    max_packet_size, daemon_threads = 4096, True


class StreamServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    zone = Zone(sys.argv[2])
    place = (sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", int(sys.argv[1]))
    threading.Thread(target=DatagramServer(place, Datagram).serve_forever, daemon=True).start()
    StreamServer(place, Stream).serve_forever()
