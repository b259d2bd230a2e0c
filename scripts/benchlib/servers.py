"""The two servers that are measured: Martlet, and Debian's Postfix with Dovecot (LMTP, Maildir)."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

ACCOUNTS = [f"user{index}@bench.test" for index in range(10)]
PASSWORD = "bench-password-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"server ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.005)
    raise RuntimeError(f"nothing listens on port {port}")


def write_master(etc, smtp_port):
    """Debian's services of Postfix, SMTP on a port of ours, and none in a chroot: our sockets lie outside."""
    fixed = []
    for line in pathlib.Path("/etc/postfix/master.cf").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        words = line.split()
        if line.startswith("smtp ") and " inet " in line:
            line = f"127.0.0.1:{smtp_port} inet n - n - - smtpd"
        elif len(words) >= 8 and not line.startswith(" ") and words[4] == "y":
            words[4] = "n"
            line = " ".join(words)
        fixed.append(line)
    if not any(line.startswith("postlog ") for line in fixed):
        fixed.append("postlog unix-dgram n - n - 1 postlogd")
    (etc / "master.cf").write_text("\n".join(fixed) + "\n")


def write_dovecot(etc, state, maildirs, imap_port, sessions, protocols="imap", imaps_port=None, more=""):
    """Dovecot as Debian ships it: Maildir, users in a file, IMAP on ports of ours, so many sessions at once."""
    (etc / "users").write_text("".join(f"{address}:{{PLAIN}}{PASSWORD}::::::\n" for address in ACCOUNTS))
    tls, listener = "ssl = no", "port = 0"
    if imaps_port is not None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=mx.bench.test", "-keyout", etc / "key.pem", "-out", etc / "chain.pem"],
            check=True, capture_output=True)
        tls = f"ssl = yes\nssl_cert = <{etc}/chain.pem\nssl_key = <{etc}/key.pem"
        listener = f"address = 127.0.0.1\n    port = {imaps_port}\n    ssl = yes"
    (etc / "dovecot.conf").write_text(
        f"""protocols = {protocols}
base_dir = {state}/dovecot
state_dir = {state}/dovecot-state
log_path = {state}/dovecot.log
{tls}
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {etc}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={maildirs}/%u
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap_port}
  }}
  inet_listener imaps {{
    {listener}
  }}
  process_limit = {sessions}
  client_limit = {sessions}
}}
service imap {{
  process_limit = {sessions}
}}
mail_max_userip_connections = {sessions}
{more}""")


def make_searchable(folder):
    """Who drops privileges has to get at what is below."""
    for parent in (folder, *folder.parents):
        if parent in (pathlib.Path("/tmp"), pathlib.Path("/")):
            break
        os.chmod(parent, 0o755)


class Martlet:
    name = "martlet"
    offset = 21000

    def __init__(self, binary, folder, wrapper=(), offset=None):
        self.binary = str(binary)
        if offset is not None:
            self.offset = offset
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "martlet.yaml"
        self.data = self.folder / "data"
        self.wrapper = list(wrapper)
        self.smtp_port = 25 + self.offset
        self.imaps_port = 993 + self.offset
        self.imap_port = 143 + self.offset
        self.process = None

    def command(self, *words):
        done = subprocess.run([self.binary, *words, "--config", str(self.config)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"martlet {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def set_up(self):
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        os.chmod(secret, 0o600)
        self.command(
            "quickstart", ACCOUNTS[0], "--hostname", "mx.bench.test", "--data", str(self.data), "--listen", "127.0.0.1",
            "--port-offset", str(self.offset), "--password-file", str(secret))
        for address in ACCOUNTS[1:]:
            self.command("account", "add", address, "--password-file", str(secret))

    def start(self):
        log = open(self.folder / "log", "ab")
        started = time.monotonic()
        self.process = subprocess.Popen(
            [*self.wrapper, self.binary, "serve", "--config", str(self.config)], stdout=log, stderr=log,
            env={**os.environ, "MARTLET_LIMITS_SESSIONS_PER_ADDRESS": "unlimited", "MARTLET_LIMITS_SESSIONS": "5000"})
        wait_for_port(self.smtp_port, self.process)
        self.ready_seconds = time.monotonic() - started

    @property
    def roots(self):
        return [self.process.pid]

    def delivered(self):
        return None  # a 250 means it is there

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None


class PostfixDovecot:
    name = "postfix+dovecot"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.smtp_port = free_port()
        self.imap_port = free_port()
        self.maildirs = self.folder / "mail"
        self.process = None
        self.dovecot = None

    def set_up(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        make_searchable(self.folder)
        for name in ("etc", "spool", "lib", "run", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "mail", "mail", "mail")
        shutil.chown(self.folder / "lib", "postfix")
        etc = self.folder / "etc"
        (etc / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self.folder}/spool
data_directory = {self.folder}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = texthash:{etc}/mailboxes
virtual_transport = lmtp:unix:{self.folder}/run/lmtp
maillog_file = /var/log/martlet-bench-postfix.log
maillog_file_prefixes = /var
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
""")
        (etc / "mailboxes").write_text("".join(f"{address} ok\n" for address in ACCOUNTS))
        write_master(etc, self.smtp_port)
        write_dovecot(
            etc, self.folder / "run", self.maildirs, self.imap_port, sessions=2000, protocols="imap lmtp",
            more=f"""service lmtp {{
  unix_listener {self.folder}/run/lmtp {{
    mode = 0666
  }}
}}
""")

    def start(self):
        etc = self.folder / "etc"
        self.dovecot = subprocess.Popen(
            ["dovecot", "-F", "-c", str(etc / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not (self.folder / "run" / "lmtp").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        subprocess.run(
            ["postfix", "-c", str(etc), "start"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.smtp_port, None)
        self.master = int((self.folder / "spool" / "pid" / "master.pid").read_text())

    @property
    def roots(self):
        return [self.master, self.dovecot.pid]

    def delivered(self):
        """Messages in the Maildirs."""
        return sum(
            len(files) for folder, _, files in os.walk(self.maildirs) if os.path.basename(folder) in ("new", "cur"))

    def stop(self):
        subprocess.run(
            ["postfix", "-c", str(self.folder / "etc"), "stop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.dovecot is not None:
            self.dovecot.terminate()
            self.dovecot.wait(timeout=30)
            self.dovecot = None


def free_offset():
    """What to add to the standard ports so that all of them are free."""
    # From anywhere: two runs that begin together would both find the first.
    for offset in random.sample(range(21000, 60000, 7), 200):
        try:
            for port in (25, 110, 143, 465, 587, 993, 995):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return offset
        except OSError:
            continue
    raise RuntimeError("no ports are free")


class Dovecot:
    """Dovecot alone, as Debian ships it: IMAP in the clear and with TLS, Maildir."""

    name = "dovecot"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.imap_port = free_port()
        self.imaps_port = free_port()
        self.process = None

    def maildir(self, address):
        return self.folder / "mail" / address / "Maildir"

    def set_up(self):
        make_searchable(self.folder)
        for name in ("etc", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "mail", "mail", "mail")
        write_dovecot(
            self.folder / "etc", self.folder, self.folder / "mail", self.imap_port, sessions=3000, imaps_port=self.imaps_port,
            more="".join(f"service {name} {{\n  client_limit = 10000\n}}\n" for name in ("anvil", "auth")))

    def start(self):
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(self.folder / "etc" / "dovecot.conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.imap_port, self.process)

    @property
    def roots(self):
        return [self.process.pid]

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None
