"""bench imap: a mailbox as people have it, Martlet and Dovecot in alternation in one run."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from . import corpus, disks, imaplines, imapload, processes, servers
from .deliver import Report

# A line may cost 1.2 times what it costs Dovecot; where a figure is within a step of the clock, that step is allowed.
SLOWER = 1.2
STEP = 0.1
COLDER = 3.0
GROUPS = ("login", *(line.name for line in imaplines.READING), "store", "resync", "copy", "append", "mixed", "idle",
          "memory", "expunge")


def fill(server, count):
    """Puts the messages into the owner's INBOX."""
    if isinstance(server, servers.Dovecot):
        return fill_maildir(server, count)
    position, lock, errors = [0], threading.Lock(), []

    def worker():
        try:
            with imaplines.session(server, mailbox=None) as client:
                while True:
                    with lock:
                        serial = position[0]
                        position[0] += 1
                    if serial >= count:
                        return
                    octets = corpus.message(serial)
                    flags = "(\\Seen) " if corpus.is_seen(serial) else ""
                    client.command(b"APPEND INBOX %s{%d+}\r\n%s" % (flags.encode(), len(octets), octets))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=worker) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    settle(server)


def fill_maildir(server, count):
    folder = server.maildir(imaplines.OWNER)
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for serial in range(count):
        octets = corpus.message(serial)
        flags = "S" if corpus.is_seen(serial) else ""
        path = folder / "cur" / f"{1785000000 + serial // 10}.M{serial}P1.bench,S={len(octets)}:2,{flags}"
        path.write_bytes(octets)
        os.utime(path, (1785000000 + serial // 10,) * 2)
    subprocess.run(["chown", "-R", "mail:mail", server.folder / "mail"], check=True)


def settle(server, least=2.0, most=120):
    """Waits until the server has done what it does after the answer, and is quiet."""
    deadline = time.monotonic() + most
    while time.monotonic() < deadline:
        before = processes.cpu_seconds(server.roots)
        time.sleep(least)
        if processes.cpu_seconds(server.roots) - before <= 0.03:
            return


def forget(folder):
    """Drops the pages of a server's files from memory."""
    subprocess.run(["sync", "-f", folder], check=True)
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                # Without waiting for anybody: there are pipes among them.
                descriptor = os.open(os.path.join(place, name), os.O_RDONLY | os.O_NONBLOCK)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def forget_everything(folder):
    subprocess.run(["sync", "-f", folder], check=True)
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


class ClearMartlet(servers.Martlet):
    """Martlet with logins in the clear on port 143, as the other server has them."""

    def set_up(self):
        super().set_up()
        text = self.config.read_text()
        before, mark, after = text.partition("kind: imap,")
        assert mark, "no listener of kind imap"
        self.config.write_text(f"{before}kind: imap, auth_without_tls: true,{after}")

    def start(self):
        super().start()
        for port in (self.imap_port, self.imaps_port):
            servers.wait_for_port(port, self.process)
        time.sleep(0.5)
        if self.process.poll() is not None:
            raise RuntimeError("martlet ended: another server answers on its ports")


class Comparison:
    """Figures of both servers, line by line."""

    def __init__(self, options, everyone, drop):
        self.options = options
        self.martlet = everyone[0]
        self.others = everyone[1:]
        self.everyone = everyone
        self.drop = drop
        self.report = Report()
        self.sums = {server.name: 0.0 for server in everyone}
        chosen = set(options.lines.split(",")) if options.lines else set(GROUPS)
        unknown = chosen - set(GROUPS)
        if unknown:
            raise SystemExit(f"bench imap: no line is called {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
        self.chosen = chosen

    def add(self, title, measure, unit="ms", limits=True, least=None):
        """Measures both and reports them beside each other; a line that one of them does not know is left out."""
        values = {server.name: measure(server) for server in self.everyone}
        ours = values[self.martlet.name]
        if ours is None:
            self.report.add(f"{title}: not offered", 0, unit)
            return None
        theirs = values[self.others[0].name] if self.others else None
        limit = least
        if theirs is not None and limits:
            limit = max(theirs * SLOWER, theirs + STEP)
        self.report.add(f"{title}: martlet", ours, unit, limit)
        if theirs is not None:
            self.report.add(f"{title}: dovecot", theirs, unit)
            self.report.add(f"{title}: ratio", ours / max(theirs, 1e-6), "x")
        print(f"  {title}: {ours:.3f} {unit}" + (f", dovecot {theirs:.3f}" if theirs is not None else ""), flush=True)
        if theirs is not None and unit == "ms" and limits:
            self.sums[self.martlet.name] += ours
            self.sums[self.others[0].name] += theirs
        return ours

    def run(self):
        if "login" in self.chosen:
            self.add("LOGIN + SELECT", lambda server: imaplines.repeated(server, imaplines.open_and_select(server)))
        for line in (*imaplines.READING, imaplines.FLAGGING):
            if line.name not in self.chosen:
                continue
            warm = self.add(line.title, lambda server: imaplines.warm(server, line))
            if warm is not None and not line.changes and not self.options.warm_only:
                self.cold(line, warm)
        if "resync" in self.chosen:
            self.add("SELECT (QRESYNC), 1 % changed", imaplines.resync)
        if "copy" in self.chosen:
            both = {server.name: imaplines.copying(server) for server in self.everyone}
            self.add("COPY 1:*", lambda server: both[server.name][0])
            self.add("MOVE 1:*", lambda server: both[server.name][1])
        if "append" in self.chosen:
            self.add("APPEND, a message", imaplines.appending)
        if "mixed" in self.chosen:
            self.add("20 clients of mixed work, a command", lambda server: imapload.mixed(server, self.options.seconds))
        if "idle" in self.chosen:
            self.idle()
        if "memory" in self.chosen:
            self.memory()
        if "expunge" in self.chosen:
            self.add("EXPUNGE of all", imaplines.expunging)
        if self.others:
            ours, theirs = (self.sums[server.name] for server in (self.martlet, self.others[0]))
            if theirs > 0:
                self.report.add("sum of the lines: ratio", ours / theirs, "x", 0.5)

    def cold(self, line, warm):
        values = {server.name: imaplines.cold(server, line, self.drop) for server in self.everyone}
        ours = values[self.martlet.name]
        if ours is None:
            return
        self.report.add(f"{line.title}, cold: martlet", ours, "ms", max(warm * COLDER, warm + 2))
        for server in self.others:
            if values[server.name] is not None:
                self.report.add(f"{line.title}, cold: {server.name}", values[server.name], "ms")
        print(f"  {line.title}, cold: {ours:.3f} ms", flush=True)

    def idle(self):
        for tls, limit in ((False, 12), (True, 60)):
            words = "with TLS" if tls else "in the clear"
            for server in self.everyone:
                # Anew: what earlier connections left behind would be lent to these.
                server.stop()
                server.start()
                value = imapload.idle_kib(server, self.options.idle, tls)
                self.report.add(
                    f"an idle connection {words}, of {self.options.idle}: {server.name}", value, "KiB",
                    limit if server is self.martlet else None)
                print(f"  idle {words}: {server.name} {value:.1f} KiB", flush=True)

    def memory(self):
        for title, command in (("FETCH 1:* (UID FLAGS)", "FETCH 1:* (UID FLAGS)"),
                               ("FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)")):
            with imaplines.session(self.martlet) as client:
                client.command("FETCH 1:100 (UID FLAGS ENVELOPE BODYSTRUCTURE)")
                idle = processes.pss_kib(self.martlet.roots)
                with processes.PeakMemory(self.martlet.roots) as memory:
                    client.command(command)
                self.report.add(f"{title}: memory added at its peak", (memory.peak - idle) / 1024, "MiB", 4)
        self.report.add(
            "eight readers of 50 MB each: memory added at its peak", imapload.readers_mib(self.martlet), "MiB", 16)


def main(options, binary):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="martlet-bench-", dir=options.folder))
    os.chmod(folder, 0o755)
    martlet = ClearMartlet(binary, folder / "martlet", offset=servers.free_offset())
    others = [] if options.alone else [servers.Dovecot(folder / "dovecot")]
    everyone = [martlet, *others]
    comparison = Comparison(options, everyone, forget_everything if options.drop_caches else forget)
    mounts = contextlib.ExitStack()
    try:
        for server in everyone:
            mounts.enter_context(disks.own(server.folder))
        for server in everyone:
            server.set_up()
            server.start()
            started = time.monotonic()
            fill(server, options.mailbox)
            print(f"  {server.name}: {options.mailbox} messages in {time.monotonic() - started:.0f} s", flush=True)
        comparison.run()
    finally:
        for server in everyone:
            server.stop()
        mounts.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"imap: a mailbox of {options.mailbox}, {options.idle} idle connections, {os.cpu_count()} cores; CPU of the server")
    print(comparison.report.render())
    return 0 if comparison.report.all_met or not options.check else 1
