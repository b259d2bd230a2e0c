"""bench auth: what it costs to believe mail, by the bare arithmetic and through a running server."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from . import deliver, load, nameserver, processes, servers

SENDER = "bounce@sender.example"
MODES = ("SPF", "DKIM", "ARC", "IPREV", "DMARC")
TIMEOUT = 4.0
# What a reply may take beside what is waited for, on a busy machine.
SLACK = 0.75


class Checking(servers.Martlet):
    """A server that checks the mail of this host as that of strangers, or nothing of it."""

    def __init__(self, binary, folder, dns, checks, offset):
        super().__init__(binary, folder)
        self.offset = offset
        self.smtp_port = 25 + offset
        self.name = "checks on" if checks else "checks off"
        self.dns = dns
        self.checks = checks

    def start(self):
        names = {
            "MARTLET_SERVER_DNS_FORWARDERS": f"127.0.0.1@{self.dns.port}",
            "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
            "MARTLET_AUTHENTICATION_TIMEOUT": f"{TIMEOUT:g}s",
            "MARTLET_LIMITS_MESSAGE_SIZE": "64MiB",
        }
        for mode in MODES:
            names[f"MARTLET_AUTHENTICATION_{mode}"] = "enforce" if self.checks and mode == "DMARC" else (
                "observe" if self.checks else "off")
        before = dict(os.environ)
        os.environ.update(names)
        try:
            super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")


def bench_binary(binary, root):
    """The measuring program, which stands beside the server's."""
    beside = binary.parent / "MartletBench"
    if not beside.exists():
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", "MartletBench"], cwd=root,
            check=True)
    return beside


def figures(program, what):
    lines = subprocess.run([program, what], check=True, capture_output=True, text=True).stdout.split("\n")
    return {name: float(value) for name, _, value in (line.partition(" ") for line in lines if line)}


def specimen(program, size, folder):
    """A signed and sealed message, and the records of its domains."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([program, "message", str(size), folder], check=True)
    return (folder / "message.eml").read_bytes(), (folder / "records").read_text().splitlines()


def pure(program, report, rounds):
    """The least of some runs each: other work on the machine only adds."""
    def least(what, name):
        return min((figures(program, what) for _ in range(rounds)), key=lambda found: found[name])

    found = least("verification", "verification.ratio")
    report.add("one RSA-2048 signature on 10 KiB verified", found["verification.microseconds"] / 1000, "ms")
    report.add("beside RSA and SHA-256 alone, key decoded", found["verification.ratio"], "x", 2.0)
    found = least("signing", "signing.ratio")
    report.add("signed with RSA-2048", found["signing.microseconds"] / 1000, "ms")
    report.add("beside RSA and SHA-256 alone", found["signing.ratio"], "x", 1.3)
    found = least("checks", "checks.milliseconds")
    report.add("all checks, DNS known: CPU a message", found["checks.milliseconds"], "ms", 0.4)


def measure(server, octets, count):
    before = processes.cpu_seconds(server.roots)
    load.run("127.0.0.1", server.smtp_port, servers.ACCOUNTS, count, 10, True, sender=SENDER, same=octets)
    time.sleep(1.0)
    return {"cpu": (processes.cpu_seconds(server.roots) - before) / count * 1000}


def through_servers(everyone, octets, report, options):
    for server in everyone:
        measure(server, octets, min(200, options.messages))
    rounds = {server.name: [] for server in everyone}
    for _ in range(options.rounds):
        for server in everyone:
            rounds[server.name].append(measure(server, octets, options.messages))
    on, off = (deliver.median(rounds[server.name], "cpu") for server in everyone)
    report.add("through a server, checks off: CPU a message", off, "ms")
    report.add("through a server, checks on: CPU a message", on, "ms")
    report.add("what the checks cost there", on - off, "ms", 0.4)
    words = re.findall(r'authentication="([^"]*)"', everyone[0].log)
    passed = sum(all(f"{method}=pass" in word for method in ("spf", "dkim", "arc", "dmarc")) for word in words)
    report.add("of its messages, all checks passed", passed / max(1, len(words)), "", 1.0, at_least=True)


def large(server, octets, report):
    """A message of 50 MB, verified as it comes."""
    seen = len(re.findall(r'authentication="[^"]*dkim=pass arc=pass', server.log))
    before = processes.pss_kib(server.roots)
    with processes.PeakMemory(server.roots) as memory:
        client = load.Client("127.0.0.1", server.smtp_port)
        client.deliver(servers.ACCOUNTS[0], octets, SENDER)
        client.quit()
        time.sleep(1.0)
    report.add(f"a message of {len(octets) / 1e6:.0f} MB: peak memory", memory.peak / 1024, "MiB PSS", 100)
    report.add("more than before it", (memory.peak - before) / 1024, "MiB PSS", 32)
    passed = len(re.findall(r'authentication="[^"]*dkim=pass arc=pass', server.log)) - seen
    report.add("its signature and chain pass", passed, "", 1, at_least=True)


def one_message(port, domain, names):
    """Sends a message from a domain, with signatures under names of it; the seconds from its end to the reply."""
    fields = "".join(
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s{index}; h=from;\r\n"
        f" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n" for index in range(names))
    octets = (f"{fields}From: a@{domain}\r\nTo: {servers.ACCOUNTS[0]}\r\nSubject: {domain}\r\n"
              f"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@{domain}>\r\n\r\nText.\r\n").encode()
    client = load.Client("127.0.0.1", port)
    client.send(f"MAIL FROM:<a@{domain}>\r\nRCPT TO:<{servers.ACCOUNTS[0]}>\r\nDATA\r\n".encode())
    for code in (b"250", b"250", b"354"):
        client.expect(code)
    start = time.monotonic()
    client.send(octets + b".\r\n")
    client.expect(b"250")
    seconds = time.monotonic() - start
    client.quit()
    return seconds


def hanging(server, report):
    """Name servers that say nothing: who asks waits as long as is set, and nobody else does."""
    crowd, others = 60, 20
    with concurrent.futures.ThreadPoolExecutor(crowd + 1) as pool:
        start = time.monotonic()
        slow = [pool.submit(one_message, server.smtp_port, f"d{index}.hang.example", 10) for index in range(crowd)]
        time.sleep(0.3)
        quick = [one_message(server.smtp_port, f"n{index}.quick.example", 2) for index in range(others)]
        waited = [future.result() for future in slow]
    # Before the first is given up.
    under_way = sum(1 for at in server.dns.questions.values() if at - start < TIMEOUT / 4)
    report.add(f"DNS silent, {crowd} sessions: the longest wait for a reply", max(waited), "s", TIMEOUT + SLACK)
    report.add("questions under way then", under_way, "", 256)
    report.add("others meanwhile: the longest wait", max(quick), "s", SLACK)
    one_message(server.smtp_port, "again.hang.example", 2)
    again = [one_message(server.smtp_port, "again.hang.example", 2) for _ in range(5)]
    report.add("the same silent name again: median wait", statistics.median(again), "s", SLACK)


def main(options, binary, root):
    program = bench_binary(binary, root)
    folder = tempfile.mkdtemp(prefix="martlet-bench-", dir=options.folder)
    os.chmod(folder, 0o755)
    report = deliver.Report()
    pure(program, report, options.rounds)
    small, records = specimen(program, 10_240, f"{folder}/small")
    huge, other = specimen(program, 50_000_000, f"{folder}/huge")
    dns = nameserver.NameServer(dict.fromkeys([*records, *other]))
    on = Checking(binary, f"{folder}/on", dns, True, 21000)
    off = Checking(binary, f"{folder}/off", dns, False, 23000)
    try:
        for server in (on, off):
            server.set_up()
            server.start()
        through_servers([on, off], small, report, options)
        large(on, huge, report)
        hanging(on, report)
    finally:
        on.stop()
        off.stop()
        dns.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"auth: CPU seconds, servers in alternation, {options.messages} messages a round, {options.rounds} rounds, "
          f"{os.cpu_count()} cores")
    print(report.render())
    return 0 if report.all_met or not options.check else 1
