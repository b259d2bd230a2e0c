"""Every keyword that EHLO, CAPABILITY and CAPA show in any state has a transcript, which is run against the server.

A transcript is a file of Tests/Fixtures/Transcripts/PROTOCOL, named like its keyword. Its first line says in which states it
is run; the others are the dialogue:

    # states: tls login       where it is run; the keyword must be shown there
    C: text                    sent with CRLF;  \\r \\n \\t \\0 \\xNN stand for octets
    C- text                    sent without CRLF
    S: text                    the next line; {…} is a regular expression, … matches anything
    S* text                    lines are skipped until one that fits
    TLS                        the handshake of STARTTLS or STLS
    CLOSED                     the server closes

ACCOUNT, SECOND, PASSWORD, PLAIN64, USER64 and PASS64 are filled in. A keyword without a transcript fails the run, and so does
a transcript whose keyword is shown nowhere.
"""
import base64
import pathlib

from common import *

ROOT = pathlib.Path(__file__).resolve().parent.parent / "Transcripts"
WORDS = {
    "ACCOUNT": ACCOUNT,
    "SECOND": SECOND,
    "PASSWORD": PASSWORD,
    "PLAIN64": base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode(),
    "USER64": base64.b64encode(ACCOUNT.encode()).decode(),
    "PASS64": base64.b64encode(PASSWORD.encode()).decode(),
}


# MARK: states: how to get there, and what is shown there

def smtp_state(state):
    wire = greeted({"mx": 25, "mx-tls": 25, "submission": 587, "submission-tls": 587, "login": 465, "submissions": 465}[state],
                   tls=state in ("login", "submissions"))
    wire.smtp("EHLO walker.example", 250)
    if state in ("mx-tls", "submission-tls"):
        wire.smtp("STARTTLS", 220)
        wire.start_tls()
        wire.smtp("EHLO walker.example", 250)
    if state == "login":
        wire.smtp(f"AUTH PLAIN {WORDS['PLAIN64']}", 235)
    return wire


def smtp_keywords(wire):
    lines = wire.smtp("EHLO walker.example", 250).split("\n")[1:]
    return [line[4:].split()[0].upper() for line in lines]


def imap_state(state):
    wire = Wire(143 if state in ("plain", "starttls") else 993, tls=state in ("tls", "login"))
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
    return shown[0].split()[2:]


def pop3_state(state):
    wire = Wire(110 if state in ("plain", "stls") else 995, tls=state in ("tls", "login"))
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


PROTOCOLS = {
    "smtp": (["mx", "mx-tls", "submission", "submission-tls", "submissions", "login"], smtp_state, smtp_keywords),
    "imap": (["plain", "starttls", "tls", "login"], imap_state, imap_keywords),
    "pop3": (["plain", "stls", "tls", "login"], pop3_state, pop3_keywords),
}


# MARK: transcripts

def octets(text):
    for name, value in WORDS.items():
        text = text.replace(name, value)
    return text.encode().decode("unicode_escape").encode("latin-1") if "\\" in text else text.encode()


def pattern(text):
    for name, value in WORDS.items():
        text = text.replace(name, value)
    parts = re.split(r"(\{.*?\}\}?|…)", text)
    return "".join(
        ".*" if part == "…" else part[1:-1] if part.startswith("{") else re.escape(part) for part in parts) + "$"


def run(wire, lines, name):
    for number, line in lines:
        place = f"{name}:{number}: {line}"
        kind, text = line[:2], line[3:]
        if line == "TLS":
            wire.start_tls()
        elif line == "CLOSED":
            equal(wire.line(), b"", place)
        elif kind == "C:":
            wire.send(octets(text) + b"\r\n")
        elif kind == "C-":
            wire.send(octets(text))
        elif kind == "S:":
            got = wire.line().decode(errors="replace")
            assert re.match(pattern(text), got, re.I), f"{place}\n  got {got!r}"
        elif kind == "S*":
            seen = []
            while True:
                got = wire.line().decode(errors="replace")
                seen.append(got)
                if re.match(pattern(text), got, re.I):
                    break
                assert got or len(seen) < 50, f"{place}\n  got {seen}"
        else:
            raise AssertionError(f"{place}: not a step")


def read(path):
    lines = path.read_text().splitlines()
    states = matches(lines[0], r"^# states: (.+)", str(path)).group(1).split()
    steps = [(number + 1, line) for number, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    return states, steps


def check(protocol):
    states, connect, keywords = PROTOCOLS[protocol]
    shown = {}
    for state in states:
        with connect(state) as wire:
            found = keywords(wire)
            assert len(found) == len(set(found)), f"{state}: a keyword twice: {found}"
            for keyword in found:
                shown.setdefault(keyword, set()).add(state)
            print(f"{protocol} {state}: {' '.join(found)}")
    files = {path.stem: path for path in (ROOT / protocol).glob("*.txt")}
    problems = [f"{keyword} ({', '.join(sorted(shown[keyword]))}) has no transcript" for keyword in shown if keyword not in files]
    problems += [f"{name}.txt: no state shows {name}" for name in files if name not in shown]
    for name in sorted(set(files) & set(shown)):
        wanted, steps = read(files[name])
        for state in wanted:
            if state not in shown[name]:
                problems.append(f"{name}.txt: {name} is not shown in the state {state}")
                continue
            for login in (ACCOUNT,):
                empty(login)
            deliver(subject="transcript")
            with connect(state) as wire:
                try:
                    run(wire, steps, f"{protocol}/{name}.txt in {state}")
                except (AssertionError, OSError) as error:
                    problems.append(f"{name} in {state}: {error}")
        print(f"{protocol} {name}: {' '.join(wanted)}")
    assert not problems, "\n" + "\n".join(problems)


if __name__ == "__main__":
    for protocol in sys.argv[1:] or PROTOCOLS:
        check(protocol)
