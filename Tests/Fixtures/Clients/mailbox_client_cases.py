"""Programs that people read mail with, each driven through what it does all day; what it did is looked at by imaplib."""
import json
import mailbox as mailboxes
import pathlib
import shlex
import shutil
import uuid

from common import *

CERTIFICATE = os.environ.get("IT_CERTIFICATE", "")
HOME = pathlib.Path(FOLDER) / "home"


def ok(answer):
    equal(answer[0], "OK", str(answer))
    return answer[1]


def needs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            assert os.environ.get("CI") != "true", f"{program} is not installed"
            print(f"skipped: {program} is not installed")
            raise SystemExit(0)


def home(name):
    folder = HOME / f"{name}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    return folder


def run(*words, folder, timeout=120, **more):
    environment = {**os.environ, "HOME": str(folder), "SSL_CERT_FILE": CERTIFICATE, **more}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{shlex.join(words)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def fresh(count, names=()):
    """INBOX with that many messages `filled N`, other mailboxes empty."""
    client = imap()
    for name in ("INBOX", "Archive", "Sent", "Trash", *names):
        client.create(name) if name in names else None
        ok(client.select(name))
        ok(client.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)"))
        ok(client.expunge())
    for number in range(1, count + 1):
        ok(client.append("INBOX", None, None, message(f"filled {number}", f"text of {number}")))
    client.logout()


def message(subject, text):
    return (f"From: Ann <ann@outside.example>\r\nTo: {ACCOUNT}\r\nSubject: {subject}\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{uuid.uuid4().hex}@outside.example>\r\n\r\n{text}\r\n").encode()


def found(criteria, name="INBOX"):
    """How many messages fit."""
    client = imap()
    ok(client.select(name, readonly=True))
    count = len(ok(client.search(None, criteria))[0].split())
    client.logout()
    return count


class Terminal:
    """A program on a terminal of its own, by tmux."""

    def __init__(self, folder, *words, **environment):
        self.socket = str(folder / "tmux")
        assigned = [f"{key}={value}" for key, value in {"HOME": folder, "SSL_CERT_FILE": CERTIFICATE, **environment}.items()]
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", shlex.join(["env", *assigned, *words]))

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True, timeout=20)

    @property
    def screen(self):
        return self.tmux("capture-pane", "-p").stdout

    @property
    def is_open(self):
        return self.tmux("has-session").returncode == 0

    def expect(self, text, seconds=40):
        until(lambda: text in self.screen, lambda: f"{text!r} on the screen:\n{self.screen}", seconds)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def expect_end(self, seconds=40):
        until(lambda: not self.is_open, lambda: f"its end:\n{self.screen}", seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")


# MARK: mutt and neomutt


def walk_mutt(program):
    needs(program, "tmux")
    fresh(6)
    folder = home(program)
    rules = folder / "muttrc"
    # NeoMutt has no COMPRESS; Mutt notes in its log what it says.
    deflate, debug = ("set imap_deflate=yes\n", ["-d", "2"]) if program == "mutt" else ("", [])
    rules.write_text(deflate + f'''set folder="imaps://localhost:{port(993)}/"
set spoolfile="+INBOX"
set imap_user="{ACCOUNT}"
set imap_pass="{PASSWORD}"
set ssl_verify_host=no
set certificate_file="{CERTIFICATE}"
set header_cache="{folder}/cache"
set message_cachedir="{folder}/bodies"
set imap_idle=yes
set imap_qresync=yes
set imap_condstore=yes
set confirmappend=no
set delete=yes
set quit=yes
set move=no
set sort=mailbox-order
set mail_check=1
set timeout=1
''')
    with Terminal(folder, program, *debug, "-n", "-F", str(rules), TERM="screen") as terminal:
        terminal.expect("filled 6")
        terminal.keys("1", "Enter", "Enter")
        terminal.expect("text of 1")
        terminal.keys("i")
        terminal.expect("filled 6")
        # A limit that the server searches for, a flag, a deletion, a message moved
        terminal.type("l~B \"text of 2\"")
        terminal.keys("Enter")
        until(lambda: "filled 2" in terminal.screen and "filled 3" not in terminal.screen, lambda: terminal.screen)
        terminal.keys("F")
        terminal.type("lall")
        terminal.keys("Enter")
        terminal.expect("filled 6")
        terminal.keys("3", "Enter")
        terminal.keys("d")
        terminal.keys("4", "Enter")
        terminal.type("s=Archive")
        terminal.keys("Enter")
        until(lambda: found('SUBJECT "filled 4"', "Archive") == 1, "the copy in Archive")
        # New mail shows by itself
        client = imap()
        ok(client.append("INBOX", None, None, message("arrives meanwhile", "x")))
        client.logout()
        terminal.expect("arrives meanwhile")
        terminal.keys("$")
        until(lambda: found("ALL") == 5, "the expunge")
        terminal.keys("q")
        terminal.expect_end()
    if debug:
        contains((folder / ".muttdebug0").read_text(errors="replace"), "COMPRESS DEFLATE", "what mutt said")
    equal((found("FLAGGED"), found('SUBJECT "filled 2" FLAGGED'), found('SUBJECT "filled 3"'), found('SUBJECT "filled 1" SEEN')),
          (1, 1, 0, 1))
    # From its cache, with QRESYNC where it knows that
    with Terminal(folder, program, "-n", "-F", str(rules), TERM="screen") as terminal:
        terminal.expect("arrives meanwhile")
        assert "filled 3" not in terminal.screen, terminal.screen
        terminal.keys("q")
        terminal.expect_end()


def case_mutt():
    walk_mutt("mutt")


def case_neomutt():
    walk_mutt("neomutt")


# MARK: alpine and aerc


def case_alpine():
    needs("alpine", "tmux")
    fresh(3)
    folder = home("alpine")
    (folder / ".pinerc").write_text(f'''personal-name=Alice
user-domain={DOMAIN}
inbox-path={{localhost:{port(993)}/imap/ssl/novalidate-cert/user="{ACCOUNT}"}}INBOX
feature-list=expunge-without-confirm,quit-without-confirm,no-save-will-quote-leading-froms,disable-signature-edit-cmd,
    no-allow-changing-from
last-version-used=7.25
use-only-domain-name=yes
''')
    with Terminal(folder, "alpine", "-i", "-n", "1", TERM="screen") as terminal:
        questions = {"PASSWORD": (PASSWORD, "Enter"), "Preserve password": ("n",), "Create it": ("y",), "Exit this greeting": ("Enter",)}
        while True:
            until(lambda: any(text in terminal.screen for text in ("filled 3", *questions)), lambda: terminal.screen)
            screen = terminal.screen
            if "filled 3" in screen:
                break
            for key in next(keys for text, keys in questions.items() if text in screen):
                terminal.keys(key) if key == "Enter" else terminal.type(key)
            until(lambda: terminal.screen != screen, lambda: terminal.screen)
        terminal.expect("filled 3")
        terminal.keys("Enter")
        terminal.expect("text of ")
        # A message that is new to this session is where alpine begins.
        while "text of 1" not in terminal.screen:
            screen = terminal.screen
            terminal.type("P")
            until(lambda: terminal.screen != screen, lambda: terminal.screen)
        terminal.keys("D")
        terminal.expect("text of 2")
        terminal.keys("q")
        until(lambda: not terminal.is_open or "Really quit" in terminal.screen, lambda: terminal.screen)
        if terminal.is_open:
            terminal.keys("y")
        terminal.expect_end()
    equal((found("ALL"), found('SUBJECT "filled 1"')), (2, 0))


def case_aerc():
    needs("aerc", "tmux")
    fresh(3)
    folder = home("aerc")
    (folder / ".config/aerc").mkdir(parents=True)
    import urllib.parse
    login = f"{urllib.parse.quote(ACCOUNT, safe='')}:{urllib.parse.quote(PASSWORD)}"
    accounts = folder / ".config/aerc/accounts.conf"
    accounts.write_text(f"[here]\nsource = imaps://{login}@localhost:{port(993)}\nfrom = Alice <{ACCOUNT}>\ndefault = INBOX\n")
    accounts.chmod(0o600)
    with Terminal(folder, "aerc", TERM="screen", XDG_CONFIG_HOME=folder / ".config") as terminal:
        terminal.expect("filled 3")
        terminal.type(":select 0")
        terminal.keys("Enter")
        terminal.type(":archive flat")
        terminal.keys("Enter")
        until(lambda: found("ALL", "Archive") == 1 and found("ALL") == 2, lambda: terminal.screen)
        terminal.type(":search filled 1")
        terminal.keys("Enter")
        terminal.type(":quit")
        terminal.keys("Enter")
        terminal.expect_end()


# MARK: Programs that copy mailboxes


def case_offlineimap():
    needs("offlineimap")
    fresh(25)
    folder = home("offlineimap")
    store = folder / "mail"
    (folder / ".offlineimaprc").write_text(f'''[general]
accounts = here
metadata = {folder}/state
[Account here]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {store}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port(993)}
remoteuser = {ACCOUNT}
remotepass = {PASSWORD}
ssl = yes
sslcacertfile = {CERTIFICATE}
''')

    def sync():
        return run("offlineimap", "-o", "-u", "basic", folder=folder)

    def files():
        return [path for part in ("cur", "new") for path in (store / "INBOX" / part).iterdir()]

    sync()
    equal(len(files()), 25, "pulled")
    # A flag, a deletion and a new message here; a flag and a deletion there
    first, second = sorted(files())[:2]
    first.rename(store / "INBOX/cur" / (first.name.split(":")[0] + ":2,FS"))
    second.unlink()
    (store / "INBOX/new/1700000000.1.here").write_bytes(message("written here", "local").replace(b"\r\n", b"\n"))
    client = imap()
    ok(client.select("INBOX"))
    ok(client.store("25", "+FLAGS", "(\\Answered)"))
    ok(client.store("24", "+FLAGS", "(\\Deleted)"))
    ok(client.expunge())
    client.logout()
    sync()
    sync()
    equal((found("ALL"), found("FLAGGED"), found('SUBJECT "written here"'), len(files())), (24, 1, 1, 24))
    assert any("R" in path.name.rpartition(",")[2] for path in files()), "the answered one is answered here"


def case_getmail():
    needs("getmail")
    for kind, standard in (("IMAP", 993), ("POP3", 995)):
        fresh(5)
        folder = home("getmail")
        target = folder / "mail"
        for part in ("cur", "new", "tmp"):
            (target / part).mkdir(parents=True)
        (folder / "getmailrc").write_text(f'''[retriever]
type = Simple{kind}SSLRetriever
server = localhost
port = {port(standard)}
username = {ACCOUNT}
password = {PASSWORD}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > {target}/new/$(date +%s.%N).$$")
allow_root_commands = true
[options]
read_all = false
delete = false
''')
        for _ in range(2):  # The second time there is nothing new.
            run("getmail", "--getmaildir", str(folder), "--rcfile", str(folder / "getmailrc"), folder=folder)
            equal(len(list((target / "new").iterdir())), 5, kind)
        deliver(subject="later")
        run("getmail", "--getmaildir", str(folder), "--rcfile", str(folder / "getmailrc"), folder=folder)
        equal(len(list((target / "new").iterdir())), 6, kind)


def case_curl_walks_a_mailbox():
    needs("curl")
    fresh(3)
    base = f"imaps://localhost:{port(993)}"

    def curl(*words):
        return run("curl", "--silent", "--show-error", "--cacert", CERTIFICATE, "--max-time", "20", "--user",
                   f"{ACCOUNT}:{PASSWORD}", *words, folder=home("curl"))

    contains(curl(f"{base}/INBOX?SUBJECT%20%22filled%202%22"), "* SEARCH 2")
    contains(curl(f"{base}/INBOX;UID={curl(base + '/INBOX', '--request', 'UID SEARCH 2').split()[-1]}"), "text of 2")
    contains(curl(f"{base}/INBOX", "--request", "STORE 1 +FLAGS \\Flagged"), "\\Flagged")
    curl(f"{base}/INBOX", "--request", "MOVE 3 Archive")
    equal((found("ALL"), found("ALL", "Archive"), found("FLAGGED")), (2, 1, 1))


# MARK: IMAPClient, the library of many programs


PEERS = pathlib.Path("/opt/martlet-peers/bin")


def imapclient_here(case):
    """The class of IMAPClient; where this Python hasn't got it, the case runs in one that has, and ends here."""
    try:
        from imapclient import IMAPClient
        return IMAPClient
    except ImportError:
        peers = str(PEERS / "python3")
        if sys.executable != peers and os.path.exists(peers):
            if subprocess.run([peers, "-c", "import imapclient"], capture_output=True).returncode == 0:
                done = subprocess.run([peers, __file__, case])
                raise SystemExit(done.returncode)
        needs("imapclient (of PyPI)")


def case_imapclient_idles():
    IMAPClient = imapclient_here("imapclient_idles")
    fresh(2)
    with IMAPClient("localhost", port(993), ssl_context=TLS, timeout=30) as client, imap() as other:
        client.login(ACCOUNT, PASSWORD)
        client.select_folder("INBOX")
        ok(other.select("INBOX"))
        client.idle()
        ok(other.append("INBOX", None, None, message("while idle", "x")))
        heard = []

        def hear(what):
            heard.extend(client.idle_check(timeout=1))
            return any(what in item for item in heard)

        until(lambda: hear(b"EXISTS"), lambda: heard)
        ok(other.store("1", "+FLAGS", "(\\Flagged)"))
        until(lambda: hear(b"FETCH"), lambda: heard)
        ok(other.store("1", "+FLAGS", "(\\Deleted)"))
        ok(other.expunge())
        until(lambda: hear(b"EXPUNGE"), lambda: heard)
        client.idle_done()
        equal(len(client.search()), 2)
        equal(client.search(["SUBJECT", "while idle"]), client.search([b"UID", client.search()[-1]]))
        data = client.fetch(client.search(), ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE"])
        equal({entry[b"ENVELOPE"].subject for entry in data.values()}, {b"filled 2", b"while idle"})
        if client.has_capability("SORT"):
            equal(client.sort(["REVERSE ARRIVAL"]), sorted(client.search(), reverse=True))
        if client.has_capability("THREAD=REFERENCES"):
            equal(sum(len(item) for item in client.thread()), 2)
        client.move(client.search()[:1], "Archive")
        equal(client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"], 1)
        client.get_quota(), client.namespace()


# What IMAPClient's own live tests of 4.1.0 find wrong of any server: an item nobody asked for (which RFC 3501 §7.4.2 lets a
# server send), a MOVE and rights that its own library doesn't take, time-outs that a near server is quicker than.
FAULTS_OF_ITS_OWN = {"test_fetch", "test_getacl", "test_move", "test_small_connection_timeout_fail", "test_small_read_timeout_fail"}


def case_imapclients_own_live_tests():
    program = PEERS / "imapclient-livetest"
    if not program.exists():
        needs("imapclient-livetest")
    rules = home("imapclient") / "live.ini"
    rules.write_text(f"[DEFAULT]\nhost = localhost\nport = {port(993)}\nusername = {ACCOUNT}\npassword = {PASSWORD}\nssl = true\n"
                     f"ssl_ca_file = {CERTIFICATE}\n")
    done = subprocess.run([program, rules, "-v"], capture_output=True, text=True, timeout=200)
    said = done.stdout + done.stderr
    results = re.findall(r"^(test_\w+) \(.*\)(?:\n(?!test_).*)?? \.\.\. (ok|skipped|FAIL|ERROR)", said, re.M)
    wrong = {name for name, result in results if result in ("FAIL", "ERROR")}
    assert wrong <= FAULTS_OF_ITS_OWN, f"{wrong - FAULTS_OF_ITS_OWN}: {said[-6000:]}"
    assert ("test_idle", "ok") in results and sum(result == "ok" for _, result in results) >= 44, said[-6000:]


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    main(globals())
