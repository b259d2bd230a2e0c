"""Roundcube of Debian on PHP's own server, driven in a headless Chromium: what people do with webmail all day."""
import pathlib
import shutil
import sqlite3

from mailbox_client_cases import *

ROUNDCUBE = pathlib.Path("/var/lib/roundcube")


def browser_python():
    """Debian's Python has Debian's Selenium; another that runs the tests may not."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        other = "/usr/bin/python3"
        if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other):
            raise SystemExit(subprocess.run([other, __file__, *sys.argv[1:]]).returncode)
        needs("selenium (python3-selenium)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Roundcube:
    """The program with a folder, a database and a port of its own."""

    def __init__(self):
        self.folder = home("roundcube")
        config = self.folder / "config"
        shutil.copytree("/etc/roundcube", config, ignore=shutil.ignore_patterns("plugins", "debian-db*"))
        for name in ("logs", "temp"):
            (self.folder / name).mkdir()
        database = self.folder / "roundcube.db"
        with sqlite3.connect(database) as connection:
            connection.executescript((ROUNDCUBE / "SQL/sqlite.initial.sql").read_text())
        trust = "['ssl' => ['cafile' => '%s', 'verify_peer' => true, 'peer_name' => 'localhost']]" % CERTIFICATE
        (config / "config.inc.php").write_text(f"""<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///{database}?mode=0640';
$config['imap_host'] = 'ssl://localhost:{port(993)}';
$config['imap_conn_options'] = {trust};
$config['smtp_host'] = 'ssl://localhost:{port(465)}';
$config['smtp_conn_options'] = {trust};
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
$config['des_key'] = 'rcmail-!24ByteDESkey*Str';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['log_dir'] = '{self.folder}/logs';
$config['temp_dir'] = '{self.folder}/temp';
$config['imap_debug'] = true;
$config['imap_cache'] = 'db';
$config['messages_cache'] = 'db';
$config['refresh_interval'] = 60;
""")
        self.port = free_port()
        self.output = open(self.folder / "php", "wb")
        self.process = subprocess.Popen(
            ["php", "-S", f"127.0.0.1:{self.port}", "-t", str(ROUNDCUBE / "public_html")], stdout=self.output,
            stderr=self.output, env={**os.environ, "ROUNDCUBE_CONFIG_DIR": str(config), "PHP_CLI_SERVER_WORKERS": "4"},
            start_new_session=True)
        until(self.answers, "Roundcube's port")

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def log(self):
        texts = [path.read_text(errors="replace")[-1500:] for path in (self.folder / "logs").glob("*") if path.name != "imap.log"]
        return "\n".join(texts) + (self.folder / "php").read_text(errors="replace")[-800:]

    def stop(self):
        import signal
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)


class Browser:
    """Chromium, with waits instead of sleeps."""

    def __init__(self, address):
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service

        options = Options()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"):
            options.add_argument(word)
        options.add_argument(f"--user-data-dir={home('chromium')}")
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.address = address

    def go(self, query=""):
        self.driver.get(self.address + query)

    def find(self, selector):
        from selenium.webdriver.common.by import By
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def wait(self, selector, seconds=60):
        return until(lambda: self.find(selector), lambda: f"{selector} in:\n{self.text()[:1500]}", seconds)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def text(self):
        return self.script("return document.body ? document.body.innerText : ''") or ""

    def expect(self, text, seconds=60):
        until(lambda: text in self.text(), lambda: f"{text!r} in:\n{self.text()[:1500]}", seconds)

    def subjects(self):
        """The subjects of the list, top to bottom."""
        return self.script("return [...document.querySelectorAll('#messagelist tr.message .subject a span')].map(e => e.innerText)")

    def expect_subjects(self, wanted):
        until(lambda: sorted(set(self.subjects())) == sorted(wanted), lambda: f"{wanted} in the list: {self.subjects()}", 60)

    def select(self, subject):
        """Selects the row of a subject, and returns its UID."""
        return self.script("""
            for (const [uid, row] of Object.entries(rcmail.message_list.rows))
                if (row.obj.innerText.includes(arguments[0])) {
                    rcmail.message_list.select(uid); return rcmail.get_single_uid(); }
            return null""", subject)


def case_roundcube():
    needs("php", "chromedriver", "chromium")
    if not ROUNDCUBE.exists():
        needs("roundcube")
    browser_python()
    fresh(5)
    webmail = Roundcube()
    browser = None
    try:
        browser = Browser(f"http://127.0.0.1:{webmail.port}/")
        walk_roundcube(browser)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{webmail.log()}") from None
    finally:
        if browser is not None:
            browser.driver.quit()
        webmail.stop()


def walk_roundcube(browser):
    # A wrong password, then the right one
    browser.go()
    for secret in ("wrong", PASSWORD):
        user = browser.wait("input[name=_user]")
        user.clear()
        user.send_keys(ACCOUNT)
        browser.wait("input[name=_pass]").send_keys(secret)
        browser.wait("#rcmloginsubmit").click()
        if secret == "wrong":
            browser.expect("Login failed")
    browser.expect_subjects([f"filled {number}" for number in range(1, 6)])
    for name in ("Inbox", "Sent", "Drafts", "Junk", "Trash", "Archive"):
        browser.expect(name)

    # Reading
    uid = browser.select("filled 2")
    assert uid, browser.subjects()
    browser.go(f"?_task=mail&_mbox=INBOX&_uid={uid}&_action=show")
    browser.expect("text of 2")
    until(lambda: found('SUBJECT "filled 2" SEEN') == 1, "the message is read")

    # Searching, in the text too
    browser.go("?_task=mail&_mbox=INBOX")
    browser.expect_subjects([f"filled {number}" for number in range(1, 6)])
    browser.script("rcmail.env.search_mods = {INBOX: {text: 1}}; document.querySelector('#mailsearchform').value = 'text of 4';"
                   "rcmail.command('search')")
    browser.expect_subjects(["filled 4"])
    browser.script("rcmail.command('reset-search')")
    browser.expect_subjects([f"filled {number}" for number in range(1, 6)])

    # Moving, flagging, deleting
    assert browser.select("filled 3")
    browser.script("rcmail.command('move', 'Archive')")
    until(lambda: found('SUBJECT "filled 3"', "Archive") == 1 and found("ALL") == 4, "filled 3 is in Archive")
    assert browser.select("filled 5")
    browser.script("rcmail.command('mark', 'flagged')")
    until(lambda: found("FLAGGED") == 1, "filled 5 is flagged")
    assert browser.select("filled 1")
    browser.script("rcmail.command('delete')")
    until(lambda: found('SUBJECT "filled 1"', "Trash") == 1 and found("ALL") == 3, "filled 1 is in Trash")

    # Sorting by subject: by SORT where the server has it
    browser.script("rcmail.list_mailbox('INBOX', 1, 'subject_ASC')")
    until(lambda: browser.subjects() == ["filled 2", "filled 4", "filled 5"], lambda: f"sorted: {browser.subjects()}")

    # Sending, with a copy in Sent
    browser.go(f"?_task=mail&_action=compose&_to={SECOND}")
    browser.wait("#compose-subject").send_keys("sent by webmail")
    browser.wait("#composebody").send_keys("Written in a browser: Grüße.")
    browser.script("rcmail.command('send', {})")
    until(lambda: found('SUBJECT "sent by webmail"', "Sent") == 1, "the copy in Sent")
    other = imap(SECOND)
    until(lambda: (other.select("INBOX"), other.search(None, 'SUBJECT "sent by webmail"')[1][0])[1], "it is delivered")
    other.logout()

    # A mailbox made, and new mail seen without being asked for
    browser.go("?_task=mail&_mbox=INBOX")
    browser.expect_subjects(["filled 2", "filled 4", "filled 5"])
    deliver(subject="meanwhile")
    browser.script("rcmail.command('checkmail')")
    browser.expect_subjects(["filled 2", "filled 4", "filled 5", "meanwhile"])
    browser.script("rcmail.command('logout')")
    browser.wait("input[name=_user]")


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    main(globals())
