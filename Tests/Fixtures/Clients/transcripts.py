"""Plays the transcripts of Tests/Fixtures/Transcripts against the server; their format is in docs/testing.md.

Every keyword that EHLO, CAPABILITY and CAPA show in any state has one in PROTOCOL/keywords, named like it. A keyword without
a transcript fails the run, and so does a transcript of a keyword that is not shown in the states it names.

    transcripts.py keywords|commands PROTOCOL [STATE…]

Without states, those of a server with the settings it is made with.
"""
import base64
import pathlib

import login_peers
from common import *

ROOT = pathlib.Path(__file__).resolve().parent.parent / "Transcripts"
TOKEN = "a-good-token"
WORDS = {
    "ACCOUNT": ACCOUNT,
    "PASSWORD": PASSWORD,
    "UNKNOWN": f"nobody@{DOMAIN}",
    "PLAIN64": base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode(),
    "USER64": base64.b64encode(ACCOUNT.encode()).decode(),
    "PASS64": base64.b64encode(PASSWORD.encode()).decode(),
    "BEARER64": base64.b64encode(f"n,a={ACCOUNT},\1auth=Bearer {TOKEN}\1\1".encode()).decode(),
    "XOAUTH64": base64.b64encode(f"user={ACCOUNT}\1auth=Bearer {TOKEN}\1\1".encode()).decode(),
}


# MARK: states: how to get there, and what is shown there

SMTP_PORTS = {"mx": 25, "submission": 587, "login": 465, "submissions": 465, "lmtp": 24, "device": 2525}


def smtp_state(state):
    if state.endswith("-start"):
        return Wire(SMTP_PORTS[state[:-6]], tls=state == "submissions-start")
    wire = greeted(SMTP_PORTS[state.split("-")[0]], tls=state in ("login", "submissions"))
    wire.smtp(f"{smtp_hello(state)} walker.example", 250)
    if state in ("mx-tls", "submission-tls"):
        wire.smtp("STARTTLS", 220)
        wire.start_tls()
        wire.smtp("EHLO walker.example", 250)
    if state == "login":
        wire.smtp(f"AUTH PLAIN {WORDS['PLAIN64']}", 235)
    return wire


def smtp_hello(state):
    return "LHLO" if state.startswith("lmtp") else "EHLO"


def smtp_keywords(wire):
    hello = "LHLO" if wire.port == SMTP_PORTS["lmtp"] else "EHLO"
    lines = wire.smtp(f"{hello} walker.example", 250).split("\n")[1:]
    return [line[4:].split()[0].upper() for line in lines]


def imap_state(state):
    plain = state in ("plain", "plain-start", "starttls")
    wire = Wire(143 if plain else 993, tls=not plain)
    if state.endswith("-start"):
        return wire
    wire.line()
    if state == "starttls":
        wire.imap("t", "STARTTLS")
        wire.start_tls()
    if state == "login":
        wire.imap("l", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    return wire


def imap_keywords(wire):
    lines, _ = wire.imap("k", "CAPABILITY")
    shown = [line for line in lines if line.startswith("* CAPABILITY ")]
    equal(len(shown), 1, "CAPABILITY")
    # The number behind APPENDLIMIT is the operator's. RFC 7889 §2
    return ["APPENDLIMIT" if word.startswith("APPENDLIMIT=") else word for word in shown[0].split()[2:]]


def pop3_state(state):
    plain = state in ("plain", "plain-start", "stls")
    if state == "waiting":
        # The first login of all may enter; whether this is the first does not matter.
        with Wire(995, tls=True) as earlier:
            earlier.line()
            for command in (f"USER {ACCOUNT}", f"PASS {PASSWORD}", "QUIT"):
                earlier.send(f"{command}\r\n")
                earlier.line()
    wire = Wire(110 if plain else 995, tls=not plain)
    if state.endswith("-start"):
        return wire
    wire.line()
    if state == "stls":
        wire.pop("STLS")
        wire.start_tls()
    if state == "login":
        wire.pop(f"USER {ACCOUNT}")
        wire.pop(f"PASS {PASSWORD}")
    return wire


def pop3_keywords(wire):
    wire.pop("CAPA")
    return [line.decode().split()[0] for line in wire.pop_lines()]


# Those of servers that are set up for them.
SPECIAL = ["every-mechanism", "waiting"]
# Where a server with every mechanism asks whose a token is, before it is moved up like the others.
INTROSPECTION_PORT = 8080
PROTOCOLS = {
    "smtp": (["mx", "mx-tls", "submission", "submission-tls", "submissions", "login", "lmtp", "device"], smtp_state, smtp_keywords),
    "imap": (["plain", "starttls", "tls", "login"], imap_state, imap_keywords),
    "pop3": (["plain", "stls", "tls", "login"], pop3_state, pop3_keywords),
}


# MARK: transcripts

def filled(text, words):
    for name in sorted(words, key=len, reverse=True):
        text = text.replace(name, words[name])
    return text


def octets(text, words):
    text = re.sub(r"<<(.+?)\*(\d+)>>", lambda found: found.group(1) * int(found.group(2)), filled(text, words))
    return re.sub(rb"\\(x[0-9a-f]{2}|.)", escape, text.encode())


def escape(found):
    text = found.group(1)
    if len(text) == 3:
        return bytes([int(text[1:], 16)])
    return {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}.get(text, text)


def pattern(text, words):
    """The regular expression that a line of the server's must match as a whole."""
    found, depth, start = "", 0, 0
    for place, character in enumerate(text):
        if character not in "{}…" or (depth and character == "…") or (depth and text[place - 1] == "\\"):
            continue
        if character == "{":
            depth += 1
            if depth == 1:
                found += re.escape(filled(text[start:place], words))
                start = place + 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                found += group(text[start:place])
                start = place + 1
        elif character == "…":
            found += re.escape(filled(text[start:place], words)) + ".*"
            start = place + 1
    return found + re.escape(filled(text[start:], words)) + "$"


def group(expression):
    named = re.match(r"([A-Z0-9]+)=(.*)", expression)
    return f"(?P<{named.group(1)}>{named.group(2)})" if named else f"(?:{expression})"


def fits(text, got, words):
    found = re.match(pattern(text, words), got, re.I)
    if found:
        words.update({name: value for name, value in found.groupdict().items() if value is not None})
    return found


def run(wire, lines, name):
    words = dict(WORDS)
    for number, line in lines:
        place = f"{name}:{number}: {line}"
        kind, text = line[:2], line[3:]
        if line == "# tls":
            wire.start_tls()
        elif line == "# close":
            equal(wire.line(), b"", place)
        elif kind == "C:":
            wire.send(octets(text, words) + b"\r\n")
        elif kind == "C-":
            wire.send(octets(text, words))
        elif kind == "S:":
            got = wire.line().decode(errors="replace")
            assert fits(text, got, words), f"{place}\n  got {got!r}"
        elif kind == "S*":
            seen = []
            while True:
                got = wire.line().decode(errors="replace")
                seen.append(got)
                if fits(text, got, words):
                    break
                assert got or len(seen) < 50, f"{place}\n  got {seen}"
        else:
            assert kind == "# ", f"{place}: not a step"


def read(path):
    text = path.read_text()
    states = matches(text, r"(?m)^# states: ([^\n]+)", str(path)).group(1).split()
    return states, [(number, line) for number, line in enumerate(text.split("\n"), 1) if line]


def here(path, states):
    """The states of a transcript that this server can be brought to; an unknown one is among the standard ones."""
    return [state for state in read(path)[0] if (state in states if states else state not in SPECIAL)]


def play(protocol, path, states):
    """What went wrong, in each state."""
    if not states:
        return []
    name = path.relative_to(ROOT)
    problems = []
    for state in states:
        empty()
        deliver(subject="transcript")
        with PROTOCOLS[protocol][1](state) as wire:
            try:
                run(wire, read(path)[1], f"{name} in {state}")
            except (AssertionError, OSError) as error:
                problems.append(str(error))
    print(f"{name}: {' '.join(states)}")
    return problems


def check(protocol, states):
    """Every keyword, in the states where it is shown."""
    standard, connect, keywords = PROTOCOLS[protocol]
    shown = {}
    for state in states or standard:
        with connect(state) as wire:
            found = keywords(wire)
            assert len(found) == len(set(found)), f"{state}: a keyword twice: {found}"
            for keyword in found:
                shown.setdefault(keyword, set()).add(state)
            print(f"{protocol} {state}: {' '.join(found)}")
    files = {path.stem: path for path in (ROOT / protocol / "keywords").glob(f"*.{protocol}")}
    problems = [f"{keyword} ({', '.join(sorted(shown[keyword]))}) has no transcript" for keyword in shown if keyword not in files]
    for name in sorted(files):
        wanted = here(files[name], states)
        problems += [f"{name} is not shown in the state {state}" for state in wanted if state not in shown.get(name, ())]
        problems += play(protocol, files[name], [state for state in wanted if state in shown.get(name, ())])
    assert not problems, "\n" + "\n".join(problems)


def play_all(protocol, states):
    """The transcripts of commands."""
    files = sorted((ROOT / protocol).glob(f"*.{protocol}"))
    assert files, f"{protocol}: there are no transcripts"
    problems = [problem for path in files for problem in play(protocol, path, here(path, states))]
    assert not problems, "\n" + "\n".join(problems)


if __name__ == "__main__":
    what, protocol, *states = sys.argv[1:]
    introspector = None
    if "every-mechanism" in states:
        introspector = login_peers.Introspector(port(INTROSPECTION_PORT))
        introspector.tokens[TOKEN] = {"active": True, "email": ACCOUNT}
    {"keywords": check, "commands": play_all}[what](protocol, states)
    if introspector:
        introspector.close()
