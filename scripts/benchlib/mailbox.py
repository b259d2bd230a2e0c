"""bench imap: a large mailbox and many idle connections."""
import os
import shutil
import socket
import ssl
import tempfile
import time

from . import load, processes, servers
from .deliver import Report


class IMAP:
    def __init__(self, port, tls=True):
        raw = socket.create_connection(("127.0.0.1", port), timeout=300)
        if tls:
            context = ssl._create_unverified_context()
            raw = context.wrap_socket(raw, server_hostname="mx.bench.test")
        self.socket = raw
        self.file = raw.makefile("rb")
        self.file.readline()
        self.count = 0

    def command(self, text):
        """Sends a command; returns the number of lines and octets of its answer."""
        self.count += 1
        tag = f"a{self.count}".encode()
        self.socket.sendall(tag + b" " + text.encode() + b"\r\n")
        lines, octets = 0, 0
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("closed")
            lines += 1
            octets += len(line)
            if line.startswith(tag + b" "):
                if b" OK" not in line:
                    raise RuntimeError(line.decode(errors="replace"))
                return lines, octets

    def login(self, address):
        self.command(f'LOGIN "{address}" "{servers.PASSWORD}"')


def main(options, binary):
    folder = tempfile.mkdtemp(prefix="martlet-bench-", dir=options.folder)
    server = servers.Martlet(binary, f"{folder}/martlet")
    report = Report()
    try:
        server.set_up()
        server.start()
        load.run("127.0.0.1", server.smtp_port, servers.ACCOUNTS[:1], options.mailbox, 10, True, size=1200)
        time.sleep(5)
        client = IMAP(server.imaps_port)
        client.login(servers.ACCOUNTS[0])
        for _ in range(3):
            client.command("SELECT INBOX")
        before = processes.cpu_seconds(server.roots)
        for _ in range(20):
            client.command("SELECT INBOX")
        cpu = (processes.cpu_seconds(server.roots) - before) / 20 * 1000
        report.add(f"SELECT of {options.mailbox} messages, CPU once warm", cpu, "ms", 50)
        idle = processes.pss_kib(server.roots)
        with processes.PeakMemory(server.roots) as memory:
            before = processes.cpu_seconds(server.roots)
            lines, _ = client.command("FETCH 1:* (UID FLAGS)")
            cpu = processes.cpu_seconds(server.roots) - before
        report.add(f"FETCH 1:* (UID FLAGS), {lines - 1} lines, CPU", cpu * 1000, "ms")
        report.add("FETCH 1:* (UID FLAGS), memory added", (memory.peak - idle) / 1024, "MiB", 16)
        before = processes.cpu_seconds(server.roots)
        client.command("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
        report.add("FETCH 1:* (ENVELOPE BODYSTRUCTURE), CPU", (processes.cpu_seconds(server.roots) - before) * 1000, "ms")
        before = processes.cpu_seconds(server.roots)
        client.command('SEARCH TEXT "nowhere-to-be-found"')
        report.add("SEARCH TEXT without a hit, CPU", (processes.cpu_seconds(server.roots) - before) * 1000, "ms")
        connections(server, report, options)
    finally:
        server.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"imap: a mailbox of {options.mailbox}, {options.idle} idle connections with TLS")
    print(report.render())
    return 0 if report.all_met or not options.check else 1


def connections(server, report, options):
    time.sleep(3)
    before = processes.pss_kib(server.roots)
    clients = []
    for index in range(options.idle):
        client = IMAP(server.imaps_port)
        client.login(servers.ACCOUNTS[index % 9 + 1])
        client.command("SELECT INBOX")
        client.socket.sendall(b"i IDLE\r\n")
        client.file.readline()
        clients.append(client)
    time.sleep(3)
    after = processes.pss_kib(server.roots)
    report.add(f"an idle IMAP connection with TLS, of {options.idle}", (after - before) / options.idle, "KiB", 60)
    for client in clients:
        client.file.close()
        client.socket.close()
