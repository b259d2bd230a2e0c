"""Mail that leaves during a rotation, verified by dkimpy with what a name server says at that moment."""
import dkim
import dns.exception
import dns.resolver

from common import *
from upstream_peers import Upstream


def ask(name_server):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], int(name_server), 5

    def text(name, timeout=5):
        try:
            answer = resolver.resolve(name.decode(), "TXT")
        except dns.exception.DNSException:
            return None
        return b"".join(next(iter(answer)).strings)
    return text


def signed(upstream_port, name_server):
    """Sends a message by way of the upstream; prints its selectors, each with whether its signature is verified."""
    peer = Upstream(port=int(upstream_port))
    with submission() as smtp:
        smtp.sendmail(ACCOUNT, ["user@outside.example"], (
            f"From: {ACCOUNT}\r\nTo: user@outside.example\r\nSubject: rotation\r\n\r\nHello\r\n"))
    until(lambda: peer.messages, "the message at the upstream")
    verifier = dkim.DKIM(peer.messages[0][2].encode())
    signatures = [value.decode() for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    found = []
    for index, value in enumerate(signatures):
        try:
            good = verifier.verify(idx=index, dnsfunc=ask(name_server))
        except dkim.DKIMException:
            good = False
        found.append(matches(value, r"\bs=([\w-]+)").group(1) + ("+" if good else "-"))
    print(" ".join(sorted(found)))
    peer.close()


if __name__ == "__main__":
    {"signed": signed}[sys.argv[1]](*sys.argv[2:])
