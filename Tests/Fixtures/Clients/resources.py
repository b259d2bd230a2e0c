"""What the server uses, as the kernel tells it of the process IT_PID."""
import contextlib
import os
import re

PID = os.environ.get("IT_PID", "0")


def resident():
    """MiB of memory in use now."""
    return status("VmRSS")


def open_files():
    return len(os.listdir(f"/proc/{PID}/fd"))


def status(name):
    with open(f"/proc/{PID}/status") as file:
        return int(re.search(rf"{name}:\s+(\d+)", file.read()).group(1)) / 1024


@contextlib.contextmanager
def growth_at_most(megabytes):
    """The peak within the block is no more than so many MiB above what was in use before."""
    # proc(5): 5 makes the peak what is resident now.
    with open(f"/proc/{PID}/clear_refs", "w") as file:
        file.write("5")
    before = resident()
    yield
    peak = status("VmHWM")
    print(f"memory: {before:.0f} MiB, {peak - before:.1f} more at most")
    assert peak - before <= megabytes, f"memory grew from {before:.0f} to {peak:.0f} MiB, {megabytes} more are allowed"
