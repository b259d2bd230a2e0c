#!/usr/bin/env python3
"""Takes reports over HTTPS: report_receiver.py PORT CERTIFICATE KEY FOLDER

The body of a POST to `/NAME` is written into the file NAME, its media type into NAME.type. `/refuse` answers 503, `/move` a
redirect to `/moved`, `/hang` nothing.
"""
import http.server
import os
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        name = os.path.basename(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if name == "hang":
            time.sleep(600)
        if name == "move":
            self.send_response(307)
            self.send_header("Location", "/moved")
        elif name == "refuse":
            self.send_response(503)
        else:
            for suffix, content in (("", body), (".type", self.headers.get("Content-Type", "").encode())):
                with open(os.path.join(sys.argv[4], name + suffix), "wb") as file:
                    file.write(content)
            self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
