#!/usr/bin/env python3
"""Serves MTA-STS policies over HTTPS, well and badly: sts_server.py PORT CERTIFICATE KEY FOLDER

What a request for host `mta-sts.NAME` gets depends on the file of the folder that is there:

NAME            its text as text/plain
NAME.html       its text as text/html
NAME.redirect   302 to the host that the file names
NAME.hang       nothing: the connection stays open
NAME.drip       a head, then an octet of the text at a time, for ever
NAME.endless    a head without a length, and text without an end
NAME.gone       the connection is closed after half of what was announced
NAME.crt, .key  the certificate for that host instead of CERTIFICATE

Without any of them there is 404. It prints `ready` when it listens.
"""
import http.server
import os
import ssl
import sys
import time

PATH = "/.well-known/mta-sts.txt"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def head(self, status, kind, length=None, **fields):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Connection", "close")
        self.end_headers()

    def do_GET(self):
        host = self.headers.get("Host", "").split(":")[0].removeprefix("mta-sts.")
        base = os.path.join(sys.argv[4], os.path.basename(host))

        def text(end):
            try:
                with open(base + end, "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None

        if self.path != PATH:
            return self.send_error(404)
        plain = "text/plain; charset=utf-8"
        if text(".hang") is not None:
            time.sleep(600)
        elif (where := text(".redirect")) is not None:
            self.head(302, plain, 0, Location="https://mta-sts." + where.decode().strip() + PATH)
        elif (content := text(".drip")) is not None:
            self.head(200, plain, 60_000)
            while True:
                for octet in content:
                    self.wfile.write(bytes([octet]))
                    time.sleep(0.05)
        elif (content := text(".endless")) is not None:
            self.head(200, plain)
            while True:
                self.wfile.write(content)
        elif (content := text(".gone")) is not None:
            self.head(200, plain, 2 * len(content))
            self.wfile.write(content)
            self.close_connection = True
        elif (content := text(".html")) is not None:
            self.head(200, "text/html", len(content))
            self.wfile.write(content)
        elif (content := text("")) is not None:
            self.head(200, plain, len(content))
            self.wfile.write(content)
        else:
            self.send_error(404)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # Clients leave in the middle: that is what the tests are about.


def context(certificate, key):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def main():
    def choose(connection, name, _):
        base = os.path.join(sys.argv[4], os.path.basename((name or "").removeprefix("mta-sts.")))
        if os.path.exists(base + ".crt"):
            connection.context = context(base + ".crt", base + ".key")

    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    standard = context(sys.argv[2], sys.argv[3])
    standard.sni_callback = choose
    server.socket = standard.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
