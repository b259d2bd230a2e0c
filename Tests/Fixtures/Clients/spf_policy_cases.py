"""`martlet check spf` and policyd-spf, which Postfix asks, on the examples of RFC 7208 and on records of all kinds.

Both ask the same name server; policyd-spf does in a mount namespace of its own, for it knows no port but 53. Takes root.
"""
import json
import random
import signal

from common import *

ADDRESS = f"127.53.{random.randint(1, 254)}.{random.randint(2, 254)}"
ZONE = os.path.join(FOLDER, "policy-zone.json")
HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = {"10": "example.com", "11": "example.com", "65": "amy.example.com", "66": "bob.example.com",
         "129": "mail-a.example.com", "130": "mail-b.example.com", "140": "mail-c.example.org"}


def appendix(**records):
    """The zone of RFC 7208 appendix A with some records; a name's underscores stand for dots."""
    zone = {"example.com": {"MX": ["10 mail-a.example.com", "20 mail-b.example.com"]}, "example.org": {"MX": ["10 mail-c.example.org"]}}
    for host, name in HOSTS.items():
        zone.setdefault(name, {}).setdefault("A", []).append(f"192.0.2.{host}")
        zone[f"{host}.2.0.192.in-addr.arpa"] = {"PTR": [name]}
    zone["www.example.com"] = {"A": ["192.0.2.10", "192.0.2.11"]}
    zone["4.0.0.10.in-addr.arpa"] = {"PTR": ["bob.example.com"]}
    for name, value in records.items():
        zone.setdefault(name.replace("_", "."), {})["TXT"] = [value]
    return zone


def clients(*hosts):
    return [(f"192.0.2.{host}", "user@example.com") for host in hosts]


def scenarios():
    for record in ["+all", "a -all", "a:example.org -all", "mx -all", "mx:example.org -all", "mx mx:example.org -all",
                   "mx/30 mx:example.org/30 -all", "ptr -all", "ip4:192.0.2.128/28 -all"]:
        yield appendix(example_com="v=spf1 " + record), clients(10, 65, 129, 131, 140, 143, 200) + [("10.0.0.4", "user@example.com")]
    related = appendix(example_com="v=spf1 mx -all", example_net="v=spf1 ip4:198.51.100.0/24 -all",
                       example_org="v=spf1 include:example.com include:example.net -all",
                       la_example_org="v=spf1 redirect=example.org")
    yield related, [(client, f"user@{domain}") for client in ("192.0.2.129", "198.51.100.7", "192.0.2.140")
                    for domain in ("example.org", "la.example.org")]
    lists = appendix(example_com="v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all")
    lists["mobile-users._spf.example.com"] = {"TXT": ["v=spf1 exists:%{l1r+}.%{d}"]}
    lists["remote-users._spf.example.com"] = {"TXT": ["v=spf1 exists:%{ir}.%{l1r+}.%{d}"]}
    for name in ["mary.mobile-users", "fred.mobile-users", "15.15.168.192.joel.remote-users", "16.15.168.192.joel.remote-users"]:
        lists[name + "._spf.example.com"] = {"A": ["127.0.0.2"]}
    yield lists, [("203.0.113.9", "mary@example.com"), ("203.0.113.9", "fred+list@example.com"), ("203.0.113.9", "joel@example.com"),
                  ("192.168.15.15", "joel@example.com"), ("192.168.15.16", "joel+x@example.com"), ("192.168.15.17", "joel@example.com")]
    others = {}
    for name, record in {
        "soft": "v=spf1 ~all", "neutral": "v=spf1 ?all", "empty": "v=spf1", "wrong": "v=spf1 ipv4:192.0.2.1 -all", "none": "text",
        "six": "v=spf1 ip6:2001:db8::/32 -all", "temp": "v=spf1 include:x-servfail.example -all", "gone": "v=spf1 include:nothing.example -all",
        "loop": "v=spf1 include:loop.example -all", "round": "v=spf1 redirect=round.example", "macro": "v=spf1 exists:%{l1r-}.%{h}.%{v}.example -all",
        "void": "v=spf1 a:v1.example a:v2.example a:v3.example a:v4.example +all", "case": "V=SPF1 IP4:192.0.2.10 -ALL",
        "many": "v=spf1 " + " ".join(f"a:a{number}.example" for number in range(12)) + " +all",
        "caught": "v=spf1 ip4:192.0.2.10 include:x-silent.example -all",
    }.items():
        others[name + ".example"] = {"TXT": [record]}
    others["two.example"] = {"TXT": ["v=spf1 +all", "v=spf1 -all"]}
    others["helo.example.net"] = {"TXT": ["v=spf1 ip4:192.0.2.10 -all"]}
    for number in range(12):
        others[f"a{number}.example"] = {"A": ["203.0.113.1"]}
    others["a-b.mail.example.net.in-addr.example"] = {"A": ["127.0.0.2"]}
    senders = [name for name in others if name.endswith(".example") and name != "caught.example"]
    yield others, [("192.0.2.10", f"a-b@{name}") for name in senders] + [
        ("2001:db8::7", "u@six.example"), ("2001:db9::7", "u@six.example"), ("192.0.2.10", "u@caught.example"),
        ("192.0.2.10", ""), ("192.0.2.11", ""), ("192.0.2.10", "u@x-nxdomain.example"), ("192.0.2.10", "u@x-nodata.example"),
        ("192.0.2.10", "u@x-refused.example")]


def theirs(service, number, client, helo, sender):
    lines = ["request=smtpd_access_policy", "protocol_state=RCPT", "protocol_name=ESMTP", f"client_address={client}", f"helo_name={helo}",
             f"sender={sender}", "recipient=a@mx.example", f"instance={number}", "", ""]
    service.stdin.write("\n".join(lines))
    service.stdin.flush()
    answer = service.stdout.readline()
    service.stdout.readline()
    found = re.search(r"Received-SPF: (\w+)", answer)
    assert found, f"{client} {sender}: {answer!r}"
    return found[1].lower()


def ours(client, helo, sender):
    done = subprocess.run([os.environ["IT_BINARY"], "check", "spf", "--dns", f"{ADDRESS}:53", "--ip", client, "--helo", helo,
                           "--from", sender or "<>", "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)["identities"][0]["result"]


def case_the_verdicts_are_the_same():
    json.dump({}, open(ZONE, "w"))
    write = lambda name, body: open(os.path.join(FOLDER, name), "w").write(body)
    write("resolv.conf", f"nameserver {ADDRESS}\noptions timeout:2 attempts:2\n")
    write("policy.conf", "HELO_reject = False\nMail_From_reject = False\nskip_addresses = 192.0.2.254/32\n")
    names = subprocess.Popen([sys.executable, os.path.join(HERE, "trouble_dns.py"), "53", ZONE, ADDRESS])
    mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    service = subprocess.Popen(["unshare", "-m", "sh", "-c", mount, os.path.join(FOLDER, "resolv.conf"), "policyd-spf",
                                os.path.join(FOLDER, "policy.conf")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        count, different = 0, []
        for zone, checks in scenarios():
            json.dump(zone, open(ZONE + ".new", "w"))
            os.replace(ZONE + ".new", ZONE)
            for client, sender in checks:
                count += 1
                helo = "mail.example.net" if sender else "helo.example.net"
                one, other = ours(client, helo, sender), theirs(service, count, client, helo, sender)
                if one != other:
                    different.append(f"{client} {sender}: {one}, policyd-spf says {other}")
        equal(different, [], f"of {count}")
        assert count > 90, count
    finally:
        names.send_signal(signal.SIGKILL)
        service.stdin.close()
        service.wait(10)


if __name__ == "__main__":
    main(globals())
