#!/usr/bin/env python3
"""Serves MTA-STS policies over HTTPS: sts_server.py PORT CERTIFICATE KEY FOLDER

A request for host `mta-sts.NAME` gets the file NAME of the folder as text/plain; NAME.html as text/html; for a folder
without either there is 404. A file NAME.hang keeps the connection open and says nothing.
"""
import http.server
import os
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers.get("Host", "").split(":")[0].removeprefix("mta-sts.")
        path = os.path.join(sys.argv[4], os.path.basename(host))
        if os.path.exists(path + ".hang"):
            time.sleep(600)
        for name, kind in ((path, "text/plain; charset=utf-8"), (path + ".html", "text/html")):
            if self.path == "/.well-known/mta-sts.txt" and os.path.exists(name):
                with open(name, "rb") as file:
                    text = file.read()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return
        self.send_error(404)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
