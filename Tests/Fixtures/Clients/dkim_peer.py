"""Signed messages of every kind, and what dkimpy and OpenDKIM say of each.

    dkim_peer.py generate FOLDER COUNT SEED     messages, keys and verdicts: FOLDER/cases.json
    dkim_peer.py judge FOLDER                   verdicts on messages of others: FOLDER/in.json to FOLDER/out.json
    dkim_peer.py arc-sign FOLDER DOMAIN         seals FOLDER/in.eml by dkimpy into FOLDER/out.eml; selector s, FOLDER/key.pem
    dkim_peer.py arc-verify FOLDER              what dkimpy says of the chain of FOLDER/in.eml; FOLDER/keys.json: records

The signer is this file's own, so that it can write tags that no library writes; only the arithmetic is dkimpy's.
"""
import base64
import hashlib
import json
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import time

import dkim
import dkim.crypto
import nacl.signing

WORDS = ["Hello", "world", "a  b", "\ttab", "trailing ", "trailing\t \t", "", "", ".", "..dots", "caf\u00e9", "x" * 200, " ", "\t"]


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options).stdout


class Keys:
    """Keys and the records that publish them."""

    def __init__(self):
        self.rsa, self.records = {}, {}
        public = {}
        for bits in (512, 1024, 2048):
            pem = openssl("genrsa", "-traditional", str(bits))
            self.rsa[bits] = dkim.crypto.parse_pem_private_key(pem)
            public[bits] = base64.b64encode(openssl("rsa", "-pubout", "-outform", "DER", input=pem)).decode()
        self.ed = nacl.signing.SigningKey.generate()
        ed = base64.b64encode(bytes(self.ed.verify_key)).decode()
        good = public[2048]
        self.add("good", 2048, f"v=DKIM1; k=rsa; p={good}")
        self.add("k1024", 1024, f"v=DKIM1; p={public[1024]}")
        self.add("k512", 512, f"v=DKIM1; p={public[512]}")
        self.add("bare", 2048, f"p={good}")
        self.add("testing", 2048, f"v=DKIM1; t=y; p={good}")
        self.add("strict", 2048, f"v=DKIM1; t=s; p={good}")
        self.add("both", 2048, f"v=DKIM1; t=y : s; p={good};")
        self.add("revoked", 2048, "v=DKIM1; k=rsa; p=")
        self.add("h256", 2048, f"v=DKIM1; h=sha256; p={good}")
        self.add("h1256", 2048, f"v=DKIM1; h=sha1 : sha256; p={good}")
        self.add("h1", 2048, f"v=DKIM1; h=sha1; p={good}")
        self.add("email", 2048, f"v=DKIM1; s=email; p={good}")
        self.add("otherservice", 2048, f"v=DKIM1; s=tlsrpt; p={good}")
        self.add("unknowntags", 2048, f"v=DKIM1; n=note; xx=y; p={good}; g=*")
        self.add("spaced", 2048, f"v=DKIM1; p={good[:60]} {good[60:120]} \t{good[120:]}")
        self.add("otherkind", 2048, f"v=DKIM1; k=dsa; p={good}")
        self.add("wrongversion", 2048, f"v=DKIM2; p={good}")
        self.add("latev", 2048, f"k=rsa; v=DKIM1; p={good}")
        self.add("nop", 2048, "v=DKIM1; k=rsa")
        self.add("garbage", 2048, "all your key are belong to us")
        self.add("absent", 2048, None)
        self.add("wrongkey", 2048, f"v=DKIM1; p={public[1024]}")
        self.add("ed", None, f"v=DKIM1; k=ed25519; p={ed}")
        self.add("edstrict", None, f"v=DKIM1; k=ed25519; t=s; p={ed}")
        self.add("edshort", None, f"v=DKIM1; k=ed25519; p={ed[:20]}")

    def add(self, selector, bits, record):
        self.records[selector] = (bits, record)

    def answer(self, name, timeout=5):
        selector = name.split(b"." if isinstance(name, bytes) else ".")[0]
        selector = selector.decode() if isinstance(selector, bytes) else selector
        record = self.records.get(selector, (None, None))[1]
        return record.encode() if record is not None else None

    def sign(self, selector, data):
        bits = self.records[selector][0]
        digest = hashlib.sha256(data)
        if bits is None:
            return self.ed.sign(digest.digest()).signature
        # The key of the record may be another: that is a case too.
        return dkim.crypto.RSASSA_PKCS1_v1_5_sign(digest, self.rsa[bits])


def header_simple(name, value):
    return f"{name}:{value}\r\n"


def header_relaxed(name, value):
    value = re.sub(r"[ \t]+", " ", value.replace("\r\n", "")).strip(" ")
    return f"{name.lower().strip()}:{value}\r\n"


def body_simple(body):
    return re.sub(r"(\r\n)*\Z", "", body) + "\r\n"


def body_relaxed(body):
    lines = [re.sub(r"[ \t]+", " ", line).rstrip(" ") for line in body.split("\r\n")]
    text = re.sub(r"(\r\n)*\Z", "", "\r\n".join(lines))
    return text + "\r\n" if text else ""


HEADER = {"simple": header_simple, "relaxed": header_relaxed}
BODY = {"simple": body_simple, "relaxed": body_relaxed}


class Case:
    """One message with one signature, made, perhaps changed, and described."""

    def __init__(self, number, dice, keys, now):
        self.dice, self.keys, self.now = dice, keys, now
        self.features = []
        self.number = number

    def chance(self, share):
        return self.dice.random() < share

    def note(self, feature):
        self.features.append(feature)

    def fields(self):
        fold = lambda: self.dice.choice([" ", " ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n  "])
        fields = [("From", f" joe{fold()}<joe@example.com>"), ("To", " a@example.net,\r\n\tb@example.net")]
        fields += [("Subject", f"{fold()}A{fold()}subject {'x' * self.dice.randrange(30)} "), ("Date", " Fri, 1 Jan 2021")]
        for name in ("Received", "Received", "Cc", "X-Empty", "Message-ID", "List-Id"):
            if self.chance(0.5):
                fields.append((name, self.dice.choice(["", " ", " v", f" a{fold()}b{fold()}c", " caf\u00e9 \u20ac"])))
        self.dice.shuffle(fields)
        return fields

    def body(self):
        lines = [self.dice.choice(WORDS) for _ in range(self.dice.randrange(12))]
        return "\r\n".join(lines) + self.dice.choice(["", "\r\n", "\r\n\r\n\r\n", " \r\n"])

    def tags(self, body):
        """The tags of the signature, b= apart, and what they mean."""
        self.selector = self.dice.choice(list(self.keys.records)) if self.chance(0.4) else self.dice.choice(["good", "ed"])
        self.note(f"key-{self.selector}")
        is_ed = self.keys.records[self.selector][0] is None
        header, body_kind = self.dice.choice(["simple", "relaxed"]), self.dice.choice(["simple", "relaxed"])
        shown = f"{header}/{body_kind}"
        if body_kind == "simple" and self.chance(0.3):
            shown = header
        canonical = BODY[body_kind](body).encode()
        tags = [["v", "1"], ["a", "ed25519-sha256" if is_ed else "rsa-sha256"], ["c", shown], ["d", "example.com"]]
        if shown == "simple" and self.chance(0.5):
            tags = [tag for tag in tags if tag[0] != "c"]
        tags.append(["s", self.selector])
        if self.chance(0.2):
            length = self.dice.choice([0, len(canonical) // 2, len(canonical), len(canonical) + 5])
            tags.append(["l", str(length)])
            self.note("l-short" if length < len(canonical) else "l-whole" if length == len(canonical) else "l-long")
            canonical = canonical[:length]
        if self.chance(0.3):
            identity = self.dice.choice(["@example.com", "joe@example.com", "@news.example.com", "@example.org", "joe"])
            tags.append(["i", identity])
            self.note({"@news.example.com": "i-sub", "@example.org": "i-other", "joe": "i-bad"}.get(identity, "i-same"))
            if identity == "@news.example.com" and self.selector in ("strict", "both", "edstrict"):
                self.note("i-sub-strict")
        if self.chance(0.3):
            offset = self.dice.choice([-1000, -1000, 7200, 864000])
            tags.append(["t", str(self.now + offset)])
            if offset > 0:
                self.note("t-soon" if offset < 36000 else "t-future")
        if self.chance(0.2):
            offset = self.dice.choice([-864000, -3600, 864000])
            tags.append(["x", str(self.now + offset)])
            if offset < 0:
                self.note("x-past" if offset < -36000 else "x-lately")
            stamp = [int(tag[1]) for tag in tags if tag[0] == "t"]
            if stamp and stamp[0] >= self.now + offset:
                self.note("x-before-t")
        if self.chance(0.1):
            method = self.dice.choice(["dns/txt", "dns/txt:other", "other"])
            tags.append(["q", method])
            self.note(f"q-{method}")
        if self.chance(0.1):
            tags.append(["z", "From:joe|Subject:x"])
        self.dice.shuffle(tags)
        tags.append(["bh", base64.b64encode(hashlib.sha256(canonical).digest()).decode()])
        return header, tags

    def odd(self, tags):
        """Breaks the syntax, or writes it in a rare way."""
        kind = self.dice.choice(
            ["v2", "nov", "sha1", "upper", "noh", "nofrom", "twice", "unknown", "doublesemicolon", "nodomain", "badb64",
             "emptyh", "cother", "notag", "trailing"])
        self.note(f"odd-{kind}")
        index = {tag[0]: tag for tag in tags}
        if kind == "v2": index["v"][1] = "2"
        if kind == "nov": tags.remove(index["v"])
        if kind == "sha1": index["a"][1] = "rsa-sha1"
        if kind == "upper": index["a"][1] = index["a"][1].upper()
        if kind == "noh": tags.remove(index["h"])
        if kind == "nofrom": index["h"][1] = "to:subject"
        if kind == "twice": tags.append(["d", "example.com"])
        if kind == "unknown": tags.append(["xyz", "some=thing"])
        if kind == "doublesemicolon": tags.append(["", ""])
        if kind == "nodomain": tags.remove(index["d"])
        if kind == "badb64": index["bh"][1] = "!" + index["bh"][1][1:]
        if kind == "emptyh": index["h"][1] += ":"
        if kind == "cother": tags.append(["c", "nowsp"]) if "c" not in index else index["c"].__setitem__(1, "nowsp")
        if kind == "notag": tags.insert(0, ["", "value"])
        if kind == "trailing": self.trailing = True

    def make(self):
        fields, body = self.fields(), self.body()
        header, tags = self.tags(body)
        names = ["From"] + [name for name, _ in fields if name != "From" and self.chance(0.7)]
        if self.chance(0.5):
            names += self.dice.choice([["From"], ["Subject", "From"], ["X-None"], ["From", "From"]])
        self.dice.shuffle(names)
        signed = ":".join(names)
        if self.chance(0.4):
            signed = self.dice.choice([" : ", ":\r\n\t", "\r\n : "]).join(names)
        tags.insert(self.dice.randrange(len(tags)), ["h", signed])
        self.trailing = False
        if self.chance(0.15):
            self.odd(tags)
        separator = self.dice.choice(["; ", ";", ";\r\n\t", " ; "])
        value = " " + separator.join(f"{n}={v}" if n or v else "" for n, v in tags)
        blank = self.dice.choice(["", " ", "\r\n "])
        name = self.dice.choice(["DKIM-Signature", "Dkim-signature"])
        empty = f"{value};{blank}b="
        own = HEADER[header](name, empty + (";" if self.trailing else ""))[:-2]
        data, left = "", list(fields)
        for wanted in [part.strip() for part in re.split(r"\s*:\s*", signed)]:
            for index in range(len(left) - 1, -1, -1):
                if left[index][0].lower() == wanted.lower():
                    data += HEADER[header](*left.pop(index))
                    break
        digits = base64.b64encode(self.keys.sign(self.selector, (data + own).encode())).decode()
        fill = self.dice.choice(["", "\r\n\t", " "])
        written = fill.join(digits[i:i + 64] for i in range(0, len(digits), 64))
        if self.trailing:
            written += ";"
        fields.insert(0, (name, empty + written))
        self.change(fields, body)

    def change(self, fields, body):
        kind = self.dice.choice(["none"] * 6 + ["body", "append", "blanklines", "field", "from", "spaces", "remove", "move"])
        if kind == "body":
            body = self.dice.choice(["Other\r\n", body + "x", body.replace("o", "0")])
        if kind == "append": body += "more\r\n"
        if kind == "blanklines": body += "\r\n\r\n"
        if kind == "field": fields.insert(1, ("Subject", " forged"))
        if kind == "from": fields.insert(1, ("From", " evil@example.net"))
        if kind == "spaces": fields[1:] = [(n, v.replace(" ", "  ") if n == "To" else v) for n, v in fields[1:]]
        if kind == "remove": fields.pop(self.dice.randrange(1, len(fields)))
        if kind == "move": fields[1:] = list(reversed(fields[1:]))
        self.note(f"change-{kind}")
        if body.endswith((" ", "\t")):
            self.note("end-blank")
        self.message = ("".join(f"{n}:{v}\r\n" for n, v in fields) + "\r\n" + body).encode()

    def dkimpy(self):
        try:
            return "pass" if dkim.DKIM(self.message).verify(idx=0, dnsfunc=self.keys.answer) else "fail"
        except Exception as error:
            return f"error {type(error).__name__}: {error}"


class Milter:
    """Just enough of the milter protocol to show OpenDKIM messages and to read the field that it adds."""

    def __init__(self, port):
        for _ in range(100):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
                break
            except OSError:
                time.sleep(0.1)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Version 6; every action; white space after the colon is kept (0x100000).
        self.send(b"O", struct.pack("!III", 6, 0x1FF, 0x100000))
        assert self.receive()[0] == b"O"
        self.exchange(b"C", b"localhost\0" + b"4" + struct.pack("!H", 40000) + b"192.0.2.1\0")
        self.exchange(b"H", b"localhost\0")

    def send(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError("opendkim closed the connection")
            data += piece
        return data

    def receive(self):
        data = self.read(struct.unpack("!I", self.read(4))[0])
        return data[:1], data[1:]

    def exchange(self, command, data=b""):
        """Sends, and reads until something other than a change comes; gives the changes."""
        self.send(command, data)
        changes = []
        while True:
            answer, content = self.receive()
            if answer in b"hmipbe+-":
                changes.append((answer, content))
            elif answer != b"p":
                return answer, changes

    def verdict(self, message):
        """The words of Authentication-Results, `none` where the message was not judged."""
        head, _, body = message.partition(b"\r\n\r\n")
        # Macros of MAIL: the queue's name for the message.
        self.send(b"D", b"M" + b"i\0" + b"Q1\0")
        self.exchange(b"M", b"<a@example.com>\0")
        self.exchange(b"R", b"<b@example.net>\0")
        for field in re.split(rb"\r\n(?![ \t])", head):
            name, _, value = field.partition(b":")
            # Postfix gives folded lines with a line feed alone.
            self.exchange(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
        # Once it accepts or refuses there is nothing more to say of this message.
        pieces = [body[at:at + 60000] for at in range(0, len(body), 60000)]
        for command, data in [(b"N", b"")] + [(b"B", piece) for piece in pieces]:
            answer, _ = self.exchange(command, data)
            if answer != b"c":
                self.send(b"A")
                return f"none ({answer!r})"
        answer, changes = self.exchange(b"E")
        for kind, content in changes:
            if kind in b"hi" and b"Authentication-Results" in content:
                text = content[4:] if kind == b"i" else content
                return " ".join(text.split(b"\0")[1].decode(errors="replace").split())
        return f"none ({answer!r})"


def opendkim(folder, records, cases):
    """The verdict of each message by OpenDKIM's milter, which reads the records from a file."""
    lines = [f"{name} {record}" for name, record in records.items() if record is not None]
    (folder / "keys").write_text("\n".join(lines) + "\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "opendkim.conf").write_text(
        f"TestPublicKeys {folder}/keys\nMode v\nMinimumKeyBits 1024\nClockDrift 300\nAuthservID oracle\n"
        f"AlwaysAddARHeader yes\nSocket inet:{port}@127.0.0.1\nBackground no\nInternalHosts 203.0.113.1\n"
        f"MaximumSignaturesToVerify 3\nPidFile {folder}/pid\nAllowSHA1Only no\n")
    log = open(folder / "log", "w")
    server = subprocess.Popen(["opendkim", "-f", "-x", f"{folder}/opendkim.conf"], stdout=log, stderr=log)
    try:
        milter = Milter(port)
        for case in cases:
            try:
                case["opendkim"] = milter.verdict(base64.b64decode(case["message"]))
            except EOFError:
                case["opendkim"] = "closed"
                milter = Milter(port)
    finally:
        server.terminate()
        server.wait(30)


def generate(folder, count, seed):
    folder = pathlib.Path(folder)
    dice, keys, now = random.Random(int(seed)), Keys(), int(time.time())
    cases = []
    for number in range(int(count)):
        case = Case(number, dice, keys, now)
        case.make()
        cases.append({"number": number, "features": case.features, "dkimpy": case.dkimpy(), "selector": case.selector,
                      "message": base64.b64encode(case.message).decode()})
    records = {f"{selector}._domainkey.example.com": record for selector, (_, record) in keys.records.items()}
    opendkim(folder, records, cases)
    (folder / "cases.json").write_text(json.dumps({"now": now, "records": records, "cases": cases}))


def judge(folder):
    folder = pathlib.Path(folder)
    given = json.loads((folder / "in.json").read_text())
    records = given["records"]
    lookup = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode() or None
    cases = [{"message": message} for message in given["messages"]]
    for case in cases:
        message = base64.b64decode(case["message"])
        count = len(re.findall(rb"(?im)^dkim-signature:", message.partition(b"\r\n\r\n")[0]))
        case["dkimpy"] = []
        for index in range(count):
            try:
                case["dkimpy"].append("pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=lookup) else "fail")
            except Exception as error:
                case["dkimpy"].append(f"error {type(error).__name__}: {error}")
    opendkim(folder, records, cases)
    (folder / "out.json").write_text(json.dumps([{"dkimpy": c["dkimpy"], "opendkim": c["opendkim"]} for c in cases]))


def arc_sign(folder, domain):
    folder = pathlib.Path(folder)
    message = (folder / "in.eml").read_bytes()
    set_of_three = dkim.arc_sign(message, b"s", domain.encode(), (folder / "key.pem").read_bytes(), b"mx.example.net")
    (folder / "out.eml").write_bytes(b"".join(set_of_three) + message)


def arc_verify(folder):
    folder = pathlib.Path(folder)
    records = json.loads((folder / "keys.json").read_text())
    lookup = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
    verdict, _, reason = dkim.arc_verify((folder / "in.eml").read_bytes(), dnsfunc=lookup)
    print(verdict.decode() if verdict else "none", reason)


if __name__ == "__main__":
    {"generate": generate, "judge": judge, "arc-sign": arc_sign, "arc-verify": arc_verify}[sys.argv[1]](*sys.argv[2:])
