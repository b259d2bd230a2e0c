"""A milter in a few lines, for tests: what it does is said by words of its command line.

    milter_peer.py PORT LOG WORD...

Every packet it gets is a line of LOG. Words: `header` adds X-Milter, `insert` puts X-First on top, `change` changes
Subject, `remove` removes X-Remove, `body` replaces the body, `addrcpt=A`, `delrcpt=A`, `from=A`, `quarantine`,
`reject`, `tempfail`, `discard`, `reply=TEXT`, `STAGE=WORD` does WORD at a stage (connect, helo, mail, rcpt, data, header,
eoh, body), `skip`, `silent` answers nothing but the end, `progress`, `close`, `hang`, `garbage`, `oversize`.
"""
import socket
import struct
import sys
import threading

STAGES = {"C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data", "L": "header", "N": "eoh", "B": "body"}


def packet(letter, data=b""):
    return struct.pack("!I", len(data) + 1) + letter.encode() + data


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def act(sock, word):
    """The answer to a step, or None after which the connection is over."""
    if word == "close":
        return None
    if word == "hang":
        threading.Event().wait()
    if word == "garbage":
        sock.sendall(packet("Z", b"what"))
        return b""
    if word == "oversize":
        sock.sendall(b"\xff\xff\xff\xff" + b"x" * 100)
        return b""
    if word.startswith("reply="):
        return packet("y", word[6:].encode() + b"\0")
    return {"reject": packet("r"), "tempfail": packet("t"), "discard": packet("d"), "accept": packet("a"),
            "skip": packet("s"), "continue": packet("c")}[word]


def changes(words, body):
    for word in words:
        if word == "header":
            yield packet("h", b"X-Milter\0seen %d\0" % body)
        elif word == "insert":
            yield packet("i", struct.pack("!I", 0) + b"X-First\0top\0")
        elif word == "change":
            yield packet("m", struct.pack("!I", 1) + b"Subject\0changed\n by a milter\0")
        elif word == "remove":
            yield packet("m", struct.pack("!I", 1) + b"X-Remove\0\0")
        elif word == "body":
            yield packet("b", b"A new body\r\n")
            yield packet("b", b"in two pieces\r\n")
        elif word.startswith("addrcpt="):
            yield packet("+", b"<" + word[8:].encode() + b">\0")
        elif word.startswith("delrcpt="):
            yield packet("-", b"<" + word[8:].encode() + b">\0")
        elif word.startswith("from="):
            yield packet("e", b"<" + word[5:].encode() + b">\0")
        elif word == "quarantine":
            yield packet("q", b"suspicious\0")
        elif word == "progress":
            yield packet("p")


def session(sock, log, words):
    stages = dict(word.split("=", 1) for word in words
                  if "=" in word and word.split("=")[0] in STAGES.values())
    body = 0
    try:
        while True:
            length = struct.unpack("!I", exactly(sock, 4))[0]
            data = exactly(sock, length)
            letter, data = chr(data[0]), data[1:]
            shown = data if letter != "B" else b"%d octets" % len(data)
            log.write(letter + " " + shown.replace(b"\0", b"|").decode("utf-8", "replace").replace("\n", "\\n") + "\n")
            log.flush()
            if letter == "O":
                steps = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000
                sock.sendall(packet("O", struct.pack("!III", 6, 0x1FF, steps if "silent" in words else 0x400)))
            elif letter in "DA":
                body = 0 if letter == "A" else body
            elif letter == "Q":
                return
            elif letter == "E":
                final = [word for word in words if word in ("reject", "tempfail", "discard", "close", "hang", "garbage",
                                                            "oversize") or word.startswith("reply=")]
                for change in changes(words, body):
                    sock.sendall(change)
                answer = act(sock, final[0]) if final else packet("c")
                if answer is None:
                    return
                sock.sendall(answer)
                body = 0
            else:
                if letter == "B":
                    body += len(data)
                word = stages.get(STAGES.get(letter, ""), "continue")
                if "silent" not in words:
                    answer = act(sock, word)
                    if answer is None:
                        return
                    sock.sendall(answer)
    except (EOFError, OSError):
        pass
    finally:
        log.write("closed\n")
        log.flush()
        sock.close()


def main():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(sys.argv[1])))
    server.listen(50)
    log = open(sys.argv[2], "a")
    while True:
        sock, _ = server.accept()
        threading.Thread(target=session, args=(sock, log, sys.argv[3:]), daemon=True).start()


main()
