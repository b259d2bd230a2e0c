"""Thunderbird of Debian without a screen, told what to do over Marionette, the protocol of its own tests.

What is run in it is JavaScript with the objects that its windows use themselves; each program is a folder (profile) of its
own, which stays when the program ends, so that a case can start it once more with what it remembers.
"""
import json
import pathlib
import signal

from common import *

SCRIPT = pathlib.Path(__file__).with_name("thunderbird.js")

# Nothing is asked of the user, nothing is asked of the network but by accounts.
PREFERENCES = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "browser.cache.disk.enable": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.search.update": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.override": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "toolkit.telemetry.server": "",
}


class Refused(Exception):
    """What a script in Thunderbird threw."""


class Thunderbird:
    """A running Thunderbird.

    profile: its folder, made if it isn't there. preferences: beside those that keep it quiet. environment: of its process.
    """

    def __init__(self, profile, preferences, **environment):
        self.profile = pathlib.Path(profile)
        self.profile.mkdir(parents=True, exist_ok=True)
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in {**PREFERENCES, **preferences}.items()]
        (self.profile / "user.js").write_text("\n".join(lines) + "\n")
        announced = self.profile / "MarionetteActivePort"
        announced.unlink(missing_ok=True)
        self.output = open(self.profile / "output", "ab")
        environment = {**os.environ, "HOME": str(self.profile), "MOZ_CRASHREPORTER_DISABLE": "1",
                       "MOZ_REMOTE_SETTINGS_DEVTOOLS": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            environment.pop(name, None)
        # In a process group of its own, with the processes that it starts.
        self.process = subprocess.Popen(
            ["thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile",
             str(self.profile)], stdout=self.output, stderr=self.output, env=environment, start_new_session=True)
        self.buffer, self.serial = b"", 0
        try:
            self.open(announced)
        except BaseException:
            self.kill()
            raise

    def open(self, announced):
        def port_of_marionette():
            assert self.process.poll() is None, f"Thunderbird ended: {self.log()}"
            return announced.exists() and announced.read_text().strip()

        self.socket = socket.create_connection(
            ("127.0.0.1", int(until(port_of_marionette, lambda: f"Marionette's port: {self.log()}", 120))), timeout=180)
        self.packet()
        self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"timeouts": {"script": 150_000}}}})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.script = SCRIPT.read_text()

    def packet(self):
        while b":" not in self.buffer:
            self.more()
        size, _, self.buffer = self.buffer.partition(b":")
        while len(self.buffer) < int(size):
            self.more()
        packet, self.buffer = self.buffer[:int(size)], self.buffer[int(size):]
        return json.loads(packet)

    def more(self):
        data = self.socket.recv(1 << 20)
        assert data, f"Thunderbird hung up: {self.log()}"
        self.buffer += data

    def ask(self, name, parameters):
        self.serial += 1
        text = json.dumps([0, self.serial, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        while True:
            kind, serial, error, result = self.packet()
            if kind == 1 and serial == self.serial:
                break
        if error:
            raise Refused(f"{error.get('error')}: {error.get('message')}\n{error.get('stacktrace', '')[:1500]}")
        return result.get("value") if isinstance(result, dict) and set(result) == {"value"} else result

    def run(self, body, *arguments):
        """Runs the body of an async function of thunderbird.js's `tb`, `arguments` and what it imports."""
        text = f"""const [words, done] = [Array.from(arguments).slice(0, -1), arguments[arguments.length - 1]];
{self.script}
(async (...given) => {{ {body} }})(...words).then(
    value => done({{ value: value === undefined ? null : value }}),
    error => done({{ error: String(error && (error.message || error)) + "\\n" + (error && error.stack || "") }}));"""
        answer = self.ask("WebDriver:ExecuteAsyncScript", {
            "script": text, "args": list(arguments), "sandbox": "system", "newSandbox": True, "scriptTimeout": 150_000})
        if "error" in answer:
            raise Refused(f"{body.strip()[:300]}: {answer['error']}")
        return answer["value"]

    def log(self):
        return (self.profile / "output").read_text(errors="replace")[-2000:]

    def quit(self):
        """Ends it as a user does, with all that it remembers written."""
        self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        try:
            self.process.wait(timeout=60)
        finally:
            self.kill()

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)
        self.output.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
