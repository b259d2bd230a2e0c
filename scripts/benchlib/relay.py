"""bench relay: mail taken, queued durably and sent on to a sink; Martlet and Postfix in alternation in one run."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import deliver, disks, load, processes, servers

RECIPIENTS = [f"someone{index}@elsewhere.test" for index in range(10)]
SENDER = "sender@bench.test"
SIZES = [2048, 102_400, 1_048_576, 49_000_000]
SESSIONS = [1, 100]


class Sink:
    """Postfix's smtp-sink: takes everything, keeps nothing, counts."""

    def __init__(self, folder):
        self.port = servers.free_port()
        self.output = pathlib.Path(folder) / "sink"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1024"], stdout=open(self.output, "wb"),
            stderr=subprocess.STDOUT)
        servers.wait_for_port(self.port, self.process)

    def count(self):
        text = self.output.read_bytes()[-4096:]
        found = re.findall(rb"mesg=(\d+)", text)
        return int(found[-1]) if found else 0

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


class MartletRelay(servers.Martlet):
    """A relay for this host, with the sink as its smarthost; `signs` with RSA-2048 and Ed25519."""

    def __init__(self, binary, folder, signs=False):
        super().__init__(binary, folder)
        self.signs = signs
        self.name = "martlet signing" if signs else "martlet"
        self.smtp_port = servers.free_port()
        self.sink = Sink(self.folder)

    def set_up(self):
        self.config.write_text(
            f"""server:
  hostname: relay.bench.test
storage:
  data_directory: {self.data}
listeners:
  - {{kind: mx, address: 127.0.0.1, port: {self.smtp_port}}}
relay:
  networks: [127.0.0.0/8]
routing:
  routes:
    - {{name: sink, kind: smarthost, hosts: ["[127.0.0.1]:{self.sink.port}"], tls: none}}
  rules:
    - {{route: sink}}
""")
        self.data.mkdir(exist_ok=True)
        if self.signs:
            self.command("domain", "add", "bench.test", "--postmaster", "someone@elsewhere.test")

    def start(self):
        self.sink.start()
        super().start()

    def delivered(self):
        return self.sink.count()

    def stop(self):
        super().stop()
        self.sink.stop()


class PostfixRelay:
    """Debian's Postfix, with OpenDKIM as a milter when it signs."""

    def __init__(self, folder, signs=False):
        self.folder = pathlib.Path(folder)
        self.signs = signs
        self.name = "postfix + opendkim" if signs else "postfix"
        self.smtp_port = servers.free_port()
        self.milter_port = servers.free_port()
        self.sink = Sink(self.folder)
        self.milter = None
        self.master = None

    def set_up(self):
        for parent in [self.folder, *self.folder.parents]:
            if parent == pathlib.Path("/tmp"):
                break
            parent.mkdir(exist_ok=True)
            os.chmod(parent, 0o755)
        for name in ("etc", "spool", "lib"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "lib", "postfix")
        etc = self.folder / "etc"
        milter = (f"smtpd_milters = inet:127.0.0.1:{self.milter_port}\nmilter_default_action = tempfail\n"
                  if self.signs else "")
        (etc / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self.folder}/spool
data_directory = {self.folder}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{self.sink.port}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 0
maillog_file = /var/log/martlet-bench-postfix.log
maillog_file_prefixes = /var
{milter}""")
        servers.write_master(etc, self.smtp_port)
        if self.signs:
            self.set_up_milter()

    def set_up_milter(self):
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        subprocess.run(
            ["opendkim-genkey", "-b", "2048", "-d", "bench.test", "-s", "bench", "-D", str(keys)], check=True)
        (self.folder / "opendkim.conf").write_text(
            f"""Domain bench.test
Selector bench
KeyFile {keys}/bench.private
Socket inet:{self.milter_port}@127.0.0.1
Mode s
Canonicalization relaxed/relaxed
InternalHosts 127.0.0.0/8
Background no
RequireSafeKeys no
""")

    def start(self):
        self.sink.start()
        if self.signs:
            self.milter = subprocess.Popen(
                ["opendkim", "-f", "-x", str(self.folder / "opendkim.conf")], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            servers.wait_for_port(self.milter_port, self.milter)
        subprocess.run(
            ["postfix", "-c", str(self.folder / "etc"), "start"], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        servers.wait_for_port(self.smtp_port, None)
        self.master = int((self.folder / "spool" / "pid" / "master.pid").read_text())

    @property
    def roots(self):
        return [self.master] + ([self.milter.pid] if self.milter else [])

    def delivered(self):
        return self.sink.count()

    def stop(self):
        subprocess.run(
            ["postfix", "-c", str(self.folder / "etc"), "stop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.milter is not None:
            self.milter.terminate()
            self.milter.wait(timeout=30)
            self.milter = None
        self.sink.stop()


def measure(server, state, count, connections, size=10240):
    """One round: CPU a message, messages a second until the sink has all, peak memory."""
    before = processes.cpu_seconds(server.roots)
    start = time.monotonic()
    with processes.PeakMemory(server.roots) as memory:
        load.run(
            "127.0.0.1", server.smtp_port, RECIPIENTS, count, connections, True, size=size, first=state["sent"],
            sender=SENDER)
        state["sent"] += count
        deliver.wait_until_delivered(server, state["sent"], seconds=300)
        seconds = time.monotonic() - start
        time.sleep(1.0)  # the rows of what has left are removed after the last reply
    return {
        "cpu": (processes.cpu_seconds(server.roots) - before) / count * 1000,
        "rate": count / seconds,
        "peak": memory.peak / 1024,
    }


def main(options, binary):
    folder = tempfile.mkdtemp(prefix="martlet-bench-", dir=options.folder)
    os.chmod(folder, 0o755)
    own = [MartletRelay(binary, f"{folder}/martlet"), MartletRelay(binary, f"{folder}/martlet-signing", signs=True)]
    others = [] if options.alone else [
        PostfixRelay(f"{folder}/postfix"), PostfixRelay(f"{folder}/postfix-signing", signs=True)]
    everyone = own + others
    limits = {"martlet": 0.8, "martlet signing": 1.2}
    report = deliver.Report()
    mounts = contextlib.ExitStack()
    try:
        for server in everyone:
            mounts.enter_context(disks.own(server.folder))
        for server in everyone:
            server.set_up()
            server.start()
        states = {server.name: {"sent": 0} for server in everyone}
        for server in everyone:  # a first round warms caches and is not counted
            measure(server, states[server.name], min(200, options.messages), 10)
        rounds = {server.name: [] for server in everyone}
        for _ in range(options.rounds):
            for server in everyone:
                rounds[server.name].append(measure(server, states[server.name], options.messages, 10))
        for server in everyone:
            rows = rounds[server.name]
            report.add(f"{server.name}: CPU a message", deliver.median(rows, "cpu"), "ms", limits.get(server.name))
            report.add(f"{server.name}: messages a second", deliver.median(rows, "rate"), "/s")
        for mine, other in zip(own, others):
            ratio = deliver.median(rounds[other.name], "cpu") / deliver.median(rounds[mine.name], "cpu")
            report.add(f"ratio of CPU, {other.name} to {mine.name}", ratio, "x")
        matrix(everyone, states, report, options)
        for server in everyone[:1] + others[:1]:
            value = flushes(server, states[server.name], 300)
            report.add(f"{server.name}: flushes a message under load", value, "", 0.9 if server is own[0] else None)
    finally:
        for server in everyone:
            server.stop()
        mounts.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"relay: 10 KiB messages over ten sessions, {options.messages} a round, {options.rounds} rounds, "
          f"{os.cpu_count()} cores")
    print(report.render())
    return 0 if report.all_met or not options.check else 1


def matrix(everyone, states, report, options):
    """Other sizes over ten sessions, and other numbers of sessions with 10 KiB."""
    unsigned = [server for server in everyone if not server.signs]
    for size in SIZES:
        count = max(8, min(options.messages, 100_000_000 // size))
        for server in unsigned:
            row = measure(server, states[server.name], count, 10, size)
            report.add(f"{server.name}: CPU a message of {size // 1024} KiB", row["cpu"], "ms")
            report.add(f"{server.name}: peak memory with {size // 1024} KiB", row["peak"], "MiB PSS",
                       100 if server is everyone[0] else None)
    for sessions in SESSIONS:
        for server in unsigned:
            row = measure(server, states[server.name], options.messages, sessions)
            title = f"{sessions} session{'s' if sessions > 1 else ''}"
            report.add(f"{server.name}: CPU a message, {title}", row["cpu"], "ms",
                       0.8 if server is everyone[0] and sessions > 1 else None)
            report.add(f"{server.name}: messages a second, {title}", row["rate"], "/s")
            report.add(f"{server.name}: peak memory, {title}", row["peak"], "MiB PSS",
                       100 if server is everyone[0] else None)


def flushes(server, state, count):
    """Flushes a message until the sink has it, counted by strace in a round of its own."""
    return deliver.count_flushes(
        server, state, count,
        lambda: load.run(
            "127.0.0.1", server.smtp_port, RECIPIENTS, count, 10, True, first=state["sent"], sender=SENDER))
