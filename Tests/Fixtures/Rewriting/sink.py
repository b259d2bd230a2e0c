"""An SMTP server that takes everything: sink.py PORT FILE writes a line of JSON for each message."""
import json
import socketserver
import sys


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write((text + "\r\n").encode())

    def handle(self):
        self.say("220 sink.test ESMTP")
        sender, recipients = None, []
        while line := self.rfile.readline():
            text = line.decode("utf-8", "replace").strip()
            verb = text.upper()
            if verb.startswith(("EHLO", "HELO")):
                self.say("250-sink.test")
                self.say("250 8BITMIME")
            elif verb.startswith("MAIL FROM:"):
                sender, recipients = text[10:].split()[0].strip("<>"), []
                self.say("250 ok")
            elif verb.startswith("RCPT TO:"):
                recipients.append(text[8:].split()[0].strip("<>"))
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                lines = []
                while (data := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(data[1:] if data.startswith(b".") else data)
                message = b"".join(lines).decode("latin-1")
                with open(sys.argv[2], "a") as file:
                    file.write(json.dumps([sender, recipients, message]) + "\n")
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
