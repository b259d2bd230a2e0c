"""CPU and memory of a process tree, read from /proc."""
import os
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        text = file.read()
    fields = text[text.rindex(")") + 2:].split()
    # state ppid … utime stime cutime cstime are fields 3 4 … 14 15 16 17, counted from 1.
    return int(fields[1]), sum(int(fields[index]) for index in (11, 12, 13, 14))


def tree(root):
    """The pids of a process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = _stat(name)[0]
            except (OSError, ValueError):
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu_seconds(roots):
    """User and system time of the trees, children that ended included."""
    ticks = 0
    for root in roots:
        for pid in tree(root):
            try:
                ticks += _stat(pid)[1]
            except (OSError, ValueError):
                continue
    return ticks / TICKS


def fine_cpu_seconds(pid):
    """CPU of one process in nanosecond steps; threads that ended are not counted."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
        except OSError:
            continue
    return total / 1e9


def pss_kib(roots):
    """Proportional set size of the trees, in KiB."""
    total = 0
    for root in roots:
        for pid in tree(root):
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    for line in file:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
                            break
            except OSError:
                continue
    return total


class PeakMemory:
    """The highest proportional set size seen while the block runs, sampled a few times a second."""

    def __init__(self, roots):
        self.roots = roots
        self.peak = 0
        self._stop = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.is_set():
            self.peak = max(self.peak, pss_kib(self.roots))
            time.sleep(0.25)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
