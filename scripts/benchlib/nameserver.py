"""A name server for benches: answers from records in zone-file form, and is silent about names below hang.example."""
import socket
import struct
import threading
import time

TYPES = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28}


class NameServer:
    def __init__(self, records=()):
        self.records = {}
        self.add(records)
        self.questions = {}
        """When each question about a silent name came first."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def add(self, records):
        for line in records:
            name, _, _, kind, data = line.split(None, 4)
            key = (name.rstrip(".").lower(), TYPES[kind])
            self.records.setdefault(key, []).append(encode(kind, data))

    def serve(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
                answer = self.answer(packet)
                if answer:
                    self.socket.sendto(answer, peer)
            except OSError:
                return

    def answer(self, packet):
        labels, place = [], 12
        while packet[place]:
            labels.append(packet[place + 1:place + 1 + packet[place]].decode("latin-1").lower())
            place += 1 + packet[place]
        question = packet[12:place + 5]
        kind = struct.unpack("!H", packet[place + 1:place + 3])[0]
        name = ".".join(labels)
        if name.endswith("hang.example"):
            self.questions.setdefault((name, kind), time.monotonic())
            return None
        found = self.records.get((name, kind), [])
        known = any(one == name or one.endswith("." + name) for one, _ in self.records)
        head = packet[:2] + struct.pack("!HHHHH", 0x8580 | (0 if found or known else 3), 1, len(found), 0 if found else 1, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 3600, len(data)) + data for data in found)
        if not found:  # the time that an absence is kept
            zone = labels[-1].encode()
            data = b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, 300)
            body = bytes([len(zone)]) + zone + b"\0" + struct.pack("!HHIH", 6, 1, 300, len(data)) + data
        return head + question + body

    def close(self):
        self.socket.close()


def encode(kind, data):
    if kind == "A":
        return socket.inet_aton(data.strip())
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, data.strip())
    if kind == "TXT":
        pieces = [piece for piece in (part.strip() for part in data.split('"')) if piece]
        return b"".join(bytes([len(piece.encode())]) + piece.encode() for piece in pieces)
    labels = data.strip().rstrip(".").split(".")
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
