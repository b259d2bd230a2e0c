"""bench deliver: local delivery of 10 KiB messages, Martlet and Postfix + Dovecot in alternation in one run."""
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from . import disks, load, processes, servers


class Report:
    """Figures with their limits."""

    def __init__(self):
        self.rows = []

    def add(self, name, value, unit, limit=None, at_least=False):
        met = None if limit is None else (value >= limit if at_least else value <= limit)
        self.rows.append((name, value, unit, limit, at_least, met))

    def render(self):
        lines = []
        for name, value, unit, limit, at_least, met in self.rows:
            text = f"  {name:<58} {value:>10.3f} {unit}"
            if limit is not None:
                text += f"  ({'at least' if at_least else 'at most'} {limit}: {'met' if met else 'MISSED'})"
            lines.append(text)
        return "\n".join(lines)

    @property
    def all_met(self):
        return all(row[5] is not False for row in self.rows)


def wait_until_delivered(server, wanted, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        count = server.delivered()
        if count is None or count >= wanted:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{server.name}: {server.delivered()} of {wanted} messages arrived")


def measure(server, state, count, connections, kept):
    """One round: CPU seconds a message, messages a second, peak memory."""
    before = processes.cpu_seconds(server.roots)
    start = time.monotonic()
    with processes.PeakMemory(server.roots) as memory:
        load.run("127.0.0.1", server.smtp_port, servers.ACCOUNTS, count, connections, kept, first=state["sent"])
        state["sent"] += count
        wait_until_delivered(server, state["sent"])
        seconds = time.monotonic() - start
        # What follows the 250 (the search index, logs) belongs to the message too.
        time.sleep(1.0)
    return {
        "cpu": (processes.cpu_seconds(server.roots) - before) / count * 1000,
        "rate": count / seconds,
        "peak": memory.peak / 1024,
    }


def flushes(server, state, count, connections):
    """Flushes a message, counted by strace in a round of its own."""
    return count_flushes(
        server, state, count,
        lambda: load.run(
            "127.0.0.1", server.smtp_port, servers.ACCOUNTS, count, connections, True, first=state["sent"]))


def count_flushes(server, state, count, send):
    """Flushes a message while `send` sends `count` of them and until all have arrived."""
    with tempfile.NamedTemporaryFile(mode="r", suffix=".strace") as output:
        pids = [word for root in server.roots for pid in processes.tree(root) for word in ("-p", str(pid))]
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync,syncfs,msync,sync_file_range", "-o", output.name, *pids],
            stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        send()
        state["sent"] += count
        wait_until_delivered(server, state["sent"])
        tracer.send_signal(signal.SIGINT)
        tracer.wait(timeout=30)
        done = [line for line in output.read().splitlines() if "sync" in line and "resumed" not in line]
    return len(done) / count


def median(rounds, key):
    return statistics.median(row[key] for row in rounds)


def main(options, binary):
    folder = tempfile.mkdtemp(prefix="martlet-bench-", dir=options.folder)
    os.chmod(folder, 0o755)
    martlet = servers.Martlet(binary, f"{folder}/martlet")
    others = [] if options.alone else [servers.PostfixDovecot(f"{folder}/peer")]
    everyone = [martlet, *others]
    report = Report()
    mounts = contextlib.ExitStack()
    try:
        own = [mounts.enter_context(disks.own(server.folder)) for server in everyone]
        for server in everyone:
            server.set_up()
            server.start()
        time.sleep(2)
        report.add("martlet: ready after", martlet.ready_seconds, "s", 0.3)
        idle = processes.pss_kib(martlet.roots) / 1024
        report.add("martlet: idle, ten accounts", idle, "MiB PSS", 40)
        for server in others:
            report.add(f"{server.name}: idle", processes.pss_kib(server.roots) / 1024, "MiB PSS")
        results = {server.name: {"kept": [], "fresh": []} for server in everyone}
        states = {server.name: {"sent": 0} for server in everyone}
        for server in everyone:  # a first round warms caches and is not counted
            measure(server, states[server.name], min(200, options.messages), 10, True)
        for _ in range(options.rounds):
            for mode in ("kept", "fresh"):
                for server in everyone:
                    results[server.name][mode].append(
                        measure(server, states[server.name], options.messages, 10, mode == "kept"))
        limits = {"kept": 0.6, "fresh": 0.8}
        titles = {"kept": "ten kept connections", "fresh": "a connection each"}
        for mode in ("kept", "fresh"):
            for server in everyone:
                rounds = results[server.name][mode]
                limit = limits[mode] if server is martlet else None
                report.add(f"{server.name}: CPU a message, {titles[mode]}", median(rounds, "cpu"), "ms", limit)
                report.add(f"{server.name}: messages a second, {titles[mode]}", median(rounds, "rate"), "/s")
            for server in others:
                report.add(
                    f"ratio of CPU to {server.name}, {titles[mode]}",
                    median(results[server.name][mode], "cpu") / median(results[martlet.name][mode], "cpu"), "x")
        for server in everyone:
            peak = max(row["peak"] for rows in results[server.name].values() for row in rows)
            report.add(f"{server.name}: peak memory under load", peak, "MiB PSS")
        times = load.lone("127.0.0.1", martlet.smtp_port, servers.ACCOUNTS[0], 50, first=states["martlet"]["sent"])
        states["martlet"]["sent"] += 50
        report.add("martlet: a lone message, end of data to 250 (median)", statistics.median(times) * 1000, "ms", 20)
        for server in others:
            times = load.lone("127.0.0.1", server.smtp_port, servers.ACCOUNTS[0], 50, first=states[server.name]["sent"])
            states[server.name]["sent"] += 50
            report.add(f"{server.name}: a lone message (median, to the queue)", statistics.median(times) * 1000, "ms")
        hundred(martlet, states["martlet"], idle, report, options)
        for server in everyone:
            value = flushes(server, states[server.name], 200, 10)
            report.add(f"{server.name}: flushes a message under load", value, "", 0.9 if server is martlet else None)
        report.add("martlet: release binary", os.path.getsize(binary) / 1048576, "MiB")
    finally:
        for server in everyone:
            server.stop()
        mounts.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"deliver: 10 KiB messages, {options.messages} a round, {options.rounds} rounds, {os.cpu_count()} cores, "
        f"{'a file system for each server' if all(own) else 'one file system for both'}")
    print(report.render())
    return 0 if report.all_met or not options.check else 1


def hundred(server, state, idle, report, options):
    """A hundred busy sessions, then how far memory comes back within a minute."""
    row = measure(server, state, max(options.messages, 1000), 100, True)
    report.add("martlet: peak memory, a hundred busy sessions", row["peak"], "MiB PSS", 100)
    near = idle + 10
    least = row["peak"]
    for _ in range(30):
        time.sleep(2)
        least = min(least, processes.pss_kib(server.roots) / 1024)
        if least <= near:
            break
    report.add("martlet: memory within a minute after", least, "MiB PSS", round(near))
