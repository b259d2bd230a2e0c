"""The lines of `bench imap`: what is asked of a mailbox, and how its cost is taken."""
import contextlib
import dataclasses
import re
import time

from . import corpus, processes, servers
from .imapclient import IMAP

# Not the first one, who gets postmaster's mail: it is looked through for reports after each start.
OWNER = servers.ACCOUNTS[1]
# A line is repeated until it has cost this much: the kernel counts CPU in steps of 10 ms.
ENOUGH = 0.4


@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    title: str
    commands: tuple
    needs: str = ""
    changes: bool = False


READING = (
    Line("flags", "FETCH 1:* (UID FLAGS)", ("FETCH 1:* (UID FLAGS)",)),
    Line("envelope", "FETCH 1:* (ENVELOPE)", ("FETCH 1:* (ENVELOPE)",)),
    Line("structure", "FETCH 1:* (BODYSTRUCTURE)", ("FETCH 1:* (BODYSTRUCTURE)",)),
    Line("list", "FETCH 1:* as mail programs do",
         ("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",)),
    Line("bodies", "1,000 whole messages", ("FETCH 1:1000 (BODY.PEEK[])",)),
    Line("text", "SEARCH TEXT, no hit", ('SEARCH TEXT "zqxnowherezqx"',)),
    Line("from", "SEARCH FROM", ('SEARCH FROM "person17@"',)),
    Line("unseen", "SEARCH UNSEEN", ("SEARCH UNSEEN",)),
    Line("sort", "SORT (DATE)", ("SORT (DATE) UTF-8 ALL",), needs="SORT"),
    Line("thread", "THREAD REFERENCES", ("THREAD REFERENCES UTF-8 ALL",), needs="THREAD=REFERENCES"),
)
FLAGGING = Line(
    "store", "STORE 1:* +FLAGS", ("STORE 1:* +FLAGS (\\Flagged)", "STORE 1:* -FLAGS (\\Flagged)"), changes=True)


class Cost:
    """Milliseconds of CPU that a server's tree spent in the block."""

    def __init__(self, server, fine=False):
        self.server = server
        self.fine = fine
        self.milliseconds = 0.0

    def _now(self):
        if not self.fine:
            return processes.cpu_seconds(self.server.roots)
        return sum(processes.fine_cpu_seconds(pid) for root in self.server.roots for pid in processes.tree(root))

    def __enter__(self):
        self._before = self._now()
        return self

    def __exit__(self, *_):
        self.milliseconds = (self._now() - self._before) * 1000


@contextlib.contextmanager
def session(server, mailbox="INBOX", tls=False, address=OWNER):
    client = IMAP(server.imaps_port if tls else server.imap_port, tls)
    try:
        client.login(address)
        if mailbox:
            client.command(f"SELECT {mailbox}")
        yield client
    finally:
        client.close()


def repeated(server, body, most=400):
    """The cost of one run of `body`, warm: run once before, then until the cost is well above the clock's step."""
    body()
    count, spent, step = 0, 0.0, 1
    while spent < ENOUGH * 1000 and count < most:
        with Cost(server) as cost:
            for _ in range(step):
                body()
        spent += cost.milliseconds
        count += step
        step = min(step * 2, 50)
    if spent <= 0:
        raise RuntimeError(f"{count} runs cost {server.name} nothing: somebody else has answered")
    return spent / count


def open_and_select(server):
    def once():
        with session(server) as client:
            client.command("LOGOUT")
    return once


def warm(server, line):
    with session(server) as client:
        if line.needs and line.needs not in client.capabilities():
            return None

        def once():
            for command in line.commands:
                client.command(command)
        return repeated(server, once) / len(line.commands)


def rest(server):
    """Waits until a server that was started has nothing left to do."""
    quiet = 0
    for _ in range(300):
        with Cost(server, fine=True) as cost:
            time.sleep(0.1)
        quiet = quiet + 1 if cost.milliseconds < 0.5 else 0
        if quiet == 5:
            return
    raise RuntimeError("the server works on half a minute after its start")


def cold(server, line, drop):
    """The first time after a start, with nothing of the server's files in memory where that is allowed.

    What a start itself does, such as looking whether the last minutes' mail is in the index, is over then.
    """
    costs = []
    for _ in range(3):
        server.stop()
        server.start()
        rest(server)
        drop(server.folder)
        with session(server) as client:
            if line.needs and line.needs not in client.capabilities():
                return None
            with Cost(server, fine=True) as cost:
                client.command(line.commands[0])
            costs.append(cost.milliseconds)
    return sorted(costs)[1]


def resync(server):
    """SELECT (QRESYNC …) after one message of a hundred changed; None where it is not offered."""
    with session(server, mailbox=None) as client:
        if "QRESYNC" not in client.capabilities():
            return None
        client.command("ENABLE QRESYNC")
        answer = client.command("SELECT INBOX", keep=True)
        validity = re.search(rb"UIDVALIDITY (\d+)", answer).group(1).decode()
        known = re.search(rb"HIGHESTMODSEQ (\d+)", answer).group(1).decode()
        count = int(re.search(rb"\* (\d+) EXISTS", answer).group(1))
        uids = re.findall(rb"UID (\d+)", client.command("FETCH 1:* (UID)", keep=True))[::100]
        with session(server) as other:
            for part in range(0, len(uids), 200):
                other.command("UID STORE %s +FLAGS.SILENT (\\Answered)" % b",".join(uids[part:part + 200]).decode())
        assert count >= len(uids)
        return repeated(server, lambda: client.command(f"SELECT INBOX (QRESYNC ({validity} {known}))"))


def copying(server):
    """COPY of all, MOVE of the copies: milliseconds each."""
    with session(server) as client:
        for name in ("Copies", "Moved"):
            client.command(f"CREATE {name}")
        with Cost(server) as copy:
            client.command("COPY 1:* Copies")
        client.command("SELECT Copies")
        with Cost(server) as move:
            client.command("MOVE 1:* Moved")
        client.command("SELECT INBOX")
        for name in ("Copies", "Moved"):
            client.command(f"DELETE {name}")
        return copy.milliseconds, move.milliseconds


def expunging(server):
    """EXPUNGE of all messages, whose last copies these are."""
    with session(server) as client:
        client.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        time.sleep(2)
        with Cost(server) as cost:
            client.command("EXPUNGE")
        return cost.milliseconds


def appending(server, count=1000):
    """One APPEND after the other: milliseconds a message, what follows the answer included."""
    with session(server, mailbox=None) as client:
        client.command("CREATE Appended")
        for serial in range(50):
            client.append("Appended", corpus.message(serial))
        time.sleep(1)
        with Cost(server) as cost:
            for serial in range(count):
                client.append("Appended", corpus.message(serial))
            time.sleep(1)
        client.command("DELETE Appended")
        return cost.milliseconds / count
