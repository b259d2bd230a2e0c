"""`bench imap`: many clients at once, busy or idle, and clients that read large messages."""
import random
import threading
import time

from . import corpus, imaplines, processes, servers
from .imapclient import IMAP


def mixed(server, seconds, clients=20):
    """Clients that read, look, flag, copy and search for so many seconds: milliseconds of CPU a command."""
    done, errors = [0] * clients, []
    deadline = time.monotonic() + seconds

    def worker(index):
        chooser = random.Random(index)
        try:
            with imaplines.session(server) as client:
                own = f"Mixed{index}"
                client.command(f"CREATE {own}")
                while time.monotonic() < deadline:
                    first = chooser.randrange(1, 900)
                    for command in (
                            "NOOP", f"FETCH {first}:{first + 50} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
                            f"FETCH {first} (BODY.PEEK[])", f"FETCH {first + 1} (BODYSTRUCTURE BODY.PEEK[1])",
                            f"STORE {first} +FLAGS (\\Flagged)", f"STORE {first} -FLAGS (\\Flagged)",
                            "SEARCH UNSEEN", f"COPY {first} {own}", f"STATUS {own} (MESSAGES UNSEEN)"):
                        client.command(command)
                        done[index] += 1
                    client.append(own, corpus.message(first))
                    done[index] += 1
                client.command(f"DELETE {own}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=worker, args=(index,)) for index in range(clients)]
    with imaplines.Cost(server) as cost:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(1)
    if errors:
        raise errors[0]
    return cost.milliseconds / sum(done)


def idle_kib(server, count, tls):
    """What each of many connections in IDLE costs, in KiB of proportional memory."""
    with imaplines.session(server, tls=tls):  # what the first connection loads is nobody's
        for address in servers.ACCOUNTS:  # nor is what hashing their passwords takes
            with imaplines.session(server, tls=tls, address=address):
                pass
        time.sleep(25)
        before = processes.pss_kib(server.roots)
        clients = []
        try:
            for index in range(count):
                client = IMAP(server.imaps_port if tls else server.imap_port, tls)
                clients.append(client)
                client.login(servers.ACCOUNTS[index % 9 + 1])
                client.command("SELECT INBOX")
                client.idle()
            # Memory is given back by and by: what a connection holds is what it holds after half a minute.
            time.sleep(30)
            return (processes.pss_kib(server.roots) - before) / count
        finally:
            for client in clients:
                client.close()


def readers_mib(server, clients=8, size=50_000_000 // 4 * 3):
    """Memory added at its peak while clients read a large message at the same time."""
    text = ("x" * 70 + "\r\n") * (size // 72)
    octets = b"From: <a@b.test>\r\nSubject: large\r\n\r\n" + text.encode()
    with imaplines.session(server, mailbox=None) as client:
        client.command("CREATE Large")
        client.append("Large", octets)
    readers = [IMAP(server.imap_port) for _ in range(clients)]
    for reader in readers:
        reader.login(imaplines.OWNER)
        reader.command("SELECT Large")
    time.sleep(2)
    before = processes.pss_kib(server.roots)
    threads = [threading.Thread(target=reader.command, args=("FETCH 1 (BODY.PEEK[])",)) for reader in readers]
    with processes.PeakMemory(server.roots) as memory:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for reader in readers:
        reader.close()
    return (memory.peak - before) / 1024
