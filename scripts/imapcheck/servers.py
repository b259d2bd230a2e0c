"""The two servers that are compared: Martlet, and Debian's Dovecot, each in a folder of its own."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from benchlib import servers as bench  # noqa: E402

from . import wire  # noqa: E402

ACCOUNT = bench.ACCOUNTS[0]
PASSWORD = bench.PASSWORD
QUOTA = 1  # GiB that an account may keep
MESSAGES = 1_000_000
STANDARD = (24, 25, 110, 143, 465, 587, 993, 995)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_offset():
    """An offset under which each of Martlet's ports is free."""
    while True:
        offset = 11000 + int.from_bytes(os.urandom(2), "big") % 20000
        if all(is_free(port + offset) for port in STANDARD):
            return offset


class Martlet(bench.Martlet):
    def __init__(self, binary, folder):
        super().__init__(binary, folder)
        self.offset = free_offset()
        for name, port in (("smtp", 25), ("imaps", 993), ("pop3s", 995), ("lmtp", 24), ("submission", 587)):
            setattr(self, f"{name}_port", port + self.offset)
        self.environment = {}

    def set_up(self):
        super().set_up()
        self.command("account", "quota", ACCOUNT, f"{QUOTA}GiB")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(self.config)], stdout=log, stderr=log,
                env={**os.environ, "MARTLET_LIMITS_SESSIONS_PER_ADDRESS": "unlimited",
                     "MARTLET_STORAGE_MESSAGES_PER_ACCOUNT": str(MESSAGES), **self.environment})
        bench.wait_for_port(self.imaps_port, self.process)

    has_lmtp = False

    def listen_for_everything(self):
        """Listens for LMTP too, which quickstart leaves out."""
        kinds = (("mx", self.smtp_port), ("submission", self.submission_port), ("imaps", self.imaps_port),
                 ("pop3s", self.pop3s_port), ("lmtp", self.lmtp_port))
        self.environment["MARTLET_LISTENERS"] = ",".join(
            f"kind={kind};address=127.0.0.1;port={port}" for kind, port in kinds)
        self.has_lmtp = True

    def connect(self, account=ACCOUNT):
        connection = wire.Connection(self.imaps_port, tls=True)
        login(connection, account)
        return connection

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


# The mailboxes that an account of Martlet has from the start
SPECIAL = "  mailbox INBOX {\n    auto = subscribe\n  }\n" + "".join(
    f"  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}\n"
    for name in ("Archive", "Drafts", "Junk", "Sent", "Trash"))


class Dovecot:
    """Dovecot 2.3 with single-file storage, which keeps messages as they came."""

    name = "dovecot"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = bench.free_port()
        self.process = None

    def set_up(self):
        self.folder.mkdir(parents=True)
        bench.make_searchable(self.folder)
        (self.folder / "mail").mkdir()
        shutil.chown(self.folder / "mail", "mail", "mail")
        (self.folder / "users").write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}::::::\n" for name in bench.ACCOUNTS))
        (self.folder / "dovecot.conf").write_text(f"""protocols = imap
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
ssl = no
disable_plaintext_auth = no
mail_location = sdbox:~/sdbox
mail_save_crlf = yes
mail_fsync = never
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
mail_attachment_min_size = 0
mail_max_userip_connections = 100
mail_plugins = acl quota
protocol imap {{
  mail_plugins = acl quota imap_acl imap_quota imap_zlib
  imap_metadata = yes
}}
mail_attribute_dict = file:%h/attributes
plugin {{
  acl = vfile
  quota = count:User quota
  quota_rule = *:storage={QUOTA}G:messages={MESSAGES}
  quota_vsizes = yes
}}
namespace inbox {{
  inbox = yes
  separator = /
{SPECIAL}}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {self.folder}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={self.folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 100
}}
""")

    def start(self):
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "TZ": "UTC"})
        bench.wait_for_port(self.port, self.process)

    def connect(self, account=ACCOUNT):
        connection = wire.Connection(self.port, tls=False)
        login(connection, account)
        return connection

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def crashes(self):
        """How often one of its processes ended by a signal, as its log has it."""
        return self.log().count("killed with signal")

    def has_crashed_more_than(self, count):
        deadline = time.monotonic() + 10
        while self.crashes() <= count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None


def login(connection, account):
    _, tagged = connection.command(b"LOGIN " + wire.quoted(account) + b" " + wire.quoted(PASSWORD))
    if wire.status(tagged)[0] != "OK":
        raise wire.Gone(f"login: {tagged!r}")


def capabilities(connection):
    untagged, _ = connection.command(b"CAPABILITY")
    words = set()
    for pieces in untagged:
        if pieces[0].upper().startswith(b"* CAPABILITY "):
            words |= set(pieces[0].decode().upper().split()[2:])
    return words
