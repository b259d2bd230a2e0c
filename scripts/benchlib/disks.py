"""A file system of its own for each server, so that neither measures what the other, or an earlier run, left behind.

ext4 looks at every inode that was freed in the last minutes before it takes one. A server beside one that deletes a file a
message, or a run after a run that cleaned up, would pay for that: a quarter of the CPU of a delivery, as measured.
"""
import contextlib
import pathlib
import subprocess


@contextlib.contextmanager
def own(folder, megabytes=6000):
    """Mounts a fresh ext4 image on `folder`; where that isn't allowed, the folder itself is used. Yields whether it was."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_suffix(".img")
    mounted = False
    try:
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        made = subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-i", "8192", str(image)],
            capture_output=True)
        if made.returncode == 0:
            mounted = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], capture_output=True)
        image.unlink(missing_ok=True)
