"""Generates zones and senders, has pyspf judge them, and prints both as JSON.

spf_peer.py SEED COUNT

What pyspf does otherwise than RFC 7208 says is mended below, or not generated; each with the text of the RFC. The list of
those that are not generated is a test of its own (SPFPeerTests, "disagreements").
"""
import ipaddress
import json
import random
import sys

import spf

zone = {}


def lookup(name, qtype, strict=True, timeout=None):
    """Stands in for the DNS: (name, type) to a list of values, or to a failure."""
    values = zone.get((name.lower().rstrip("."), qtype), [])
    if values == "timeout":
        raise spf.TempError("DNS timeout")
    return [((name, qtype), (value.encode("latin-1"),) if qtype == "TXT" else value) for value in values]


class Query(spf.query):
    def dns_mx(self, domainname):
        """§5.4: "If any address matches, the mechanism matches": hosts behind the one that matches are not asked for."""
        exchanges = self.dns(domainname, "MX")
        if len(exchanges) > spf.MAX_MX:
            raise spf.PermError("More than %d MX records returned" % spf.MAX_MX)
        return (address for mx in sorted(exchanges) for address in self.dns_a(mx[1], self.A))

    def cidrmatch(self, addresses, length):
        return any(self.ipaddr in ipaddress.ip_network("%s/%d" % (ip, length), strict=False) for ip in addresses)

    def getp(self):
        self.p = None
        return super().getp()

    def validated_ptrs(self, ignore_void=False):
        """§5.5: "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to match. If a DNS error
        occurs while doing an A RR lookup, then that domain name is skipped and the search continues."
        §4.6.4: void lookups are counted of terms; what the client's names lead to is its own doing, not the domain's."""
        name = "%s.%s.arpa" % (spf.reverse_dots(self.i), self.v)
        in_mechanism = sys._getframe(1).f_code.co_name == "check0"
        try:
            names = self.dns(name, "PTR", ignore_void=not in_mechanism)[: spf.MAX_PTR]
        except spf.TempError:
            return []
        valid = []
        for name in names:
            try:
                if self.cidrmatch(self.dns(name, self.A, ignore_void=True), self.cidrmax):
                    valid.append(name)
            except spf.TempError:
                pass
        return valid


spf.DNSLookup = lookup

V4 = ["192.0.2.%d" % n for n in (1, 2, 3, 4, 65, 129, 130, 200)] + ["198.51.100.7", "10.0.0.4"]
V6 = ["2001:db8::%x" % n for n in (1, 2, 3, 0xcb01)] + ["2001:db8:1::1", "fe80::1"]
DOMAINS = ["d%d.example" % n for n in range(6)]
HOSTS = ["%s.%s" % (host, domain) for domain in DOMAINS for host in ("mail", "a", "b", "_spf")]
LOCALS = ["user", "strong-bad", "a.b.c", "news+list", "x_y=z", "Mixed.Case"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def maybe(self, share):
        return self.r.random() < share

    def pick(self, values):
        return self.r.choice(values)

    def macro(self):
        letter = self.pick("slodivh" if self.maybe(0.93) else "p")
        digits = self.pick(["", "", "", "1", "2", "3", "7", "127"])
        # §7.3: "the parts are rejoined using "." and not the original splitting characters": pyspf does so of l and s only.
        delimiters = self.pick(["", "", "-", "+", "-+", ".", "_="]) if letter in "sl" else self.pick(["", "", "."])
        return "%%{%s%s%s%s}" % (self.pick([letter, letter.upper()]) if self.maybe(0.2) else letter, digits,
                                 self.pick(["", "", "r"]), delimiters)

    def domain(self, own):
        kind = self.r.random()
        if kind < 0.55:
            return self.pick(DOMAINS + HOSTS)
        if kind < 0.65:
            return "%s.%s" % (self.pick(["mail", "gone", "a"]), "%{d}")
        if kind < 0.80:
            return "%s.%s" % (self.macro(), self.pick(["x." + own, own, "%{o}", "%{d2}"]))
        if kind < 0.85:
            return self.macro()
        if kind < 0.93:
            return "gone%d.example" % self.r.randrange(5)
        if kind < 0.96:
            return self.pick(DOMAINS) + "."
        return self.pick(["com", "a..example", "x" * 64 + ".example", "foo:bar/baz.example", "a.123", "-a.example",
                          "a.-b", "a.b-", "a.1-2", "%%.example", "x%_y.example", "a%-b.example", "%(d).example", "x%",
                          "%{x}.example", "%{c}.example", "%{d}com", "%{d}.", "", "1.2.3.4", "a.b,c", "a.b/24",
                          "a.b:25", "a.xn--p1ai", "%{d3}", "%{dr}.x"])

    def prefix(self):
        kind = self.r.random()
        if kind < 0.5:
            return ""
        v4 = self.pick(["", "/24", "/32", "/30", "/0", "/25"])
        v6 = self.pick(["", "//64", "//128", "//0", "//120"])
        if kind < 0.94:
            return v4 + v6
        return self.pick(["/33", "//129", "/024", "/", "//", "/24/64", "/-1", "/a", "///64", "//64/24", "/00", "/1000"])

    def term(self, own):
        q = self.pick(["", "", "", "+", "-", "~", "?"])
        kind = self.r.random()
        target = lambda: ":" + self.domain(own) if self.maybe(0.6) else ""
        if kind < 0.18:
            return q + "a" + target() + self.prefix()
        if kind < 0.30:
            return q + "mx" + target() + self.prefix()
        if kind < 0.45:
            address = self.pick(V4 + ["192.0.2.0", "192.0.2.128"])
            tail = self.pick(["", "", "/24", "/28", "/32", "/0", "/30"])
            if self.maybe(0.06):
                return q + "ip4:" + self.pick(["1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/08",
                                               "1.2.3.4/", "", "::1", "1.2.3.4//24", "1.2.3.4:25", "a.b.c.d"])
            return q + "ip4:" + address + tail
        if kind < 0.55:
            if self.maybe(0.08):
                return q + "ip6:" + self.pick(["1.2.3.4", ":::1", "2001:db8", "2001:db8::1/129", "2001:db8::/", "",
                                               "2001:db8::1::2", "12345::", "::1/064", "::g", "::1%eth0"])
            return q + "ip6:" + self.pick(V6 + ["2001:DB8::", "::ffff:192.0.2.1", "::", "2001:db8:0:0:0:0:192.0.2.1"]) + \
                self.pick(["", "/64", "/32", "/128", "/0", "/127"])
        if kind < 0.70:
            return q + "include:" + self.domain(own)
        if kind < 0.80:
            return q + "exists:" + self.domain(own)
        if kind < 0.85:
            return q + "ptr" + (":" + self.domain(own) if self.maybe(0.5) else "")
        if kind < 0.95:
            return q + self.pick(["all", "all", "ALL", "All"])
        if kind < 0.975:
            return "%s=%s" % (self.pick(["foo", "x-y", "a.b", "default", "op"]) + str(self.r.randrange(1000)),
                              self.pick(["bar", "%{d}", "", "a:b/c", "%%x"]))
        # "-exists" passes in pyspf: it looks for the missing name before it takes the qualifier off.
        bad = self.pick(["all:x", "all/8", "all.", "ptr/24", "include", "exists", "exists/24", "ipv4:1.2.3.4", "foo", "ip6",
                         "1up=foo", "=all", "++a", "a b", "a\tb", "include:a.example/24", "redirect:a.example", "+", "ip4",
                         "A:mail.d0.example", "MX", "moo.cow/x=y", "ptr:", "a\x7f", "a:d\xe9.example"])
        return bad if bad == "exists" else q + bad

    def record(self, own, others, limit):
        terms = [self.term(own) for _ in range(self.r.randrange(0, limit))]
        # A record that includes itself: pyspf refuses the text, the RFC its evaluation.
        terms = [t for t in terms if not t.rstrip(".").endswith("include:" + own) and "include:%{" not in t]
        if self.maybe(0.25) and limit < 6:
            terms.insert(self.r.randrange(len(terms) + 1), "redirect=" + (self.pick(others) if self.maybe(0.85)
                                                                           else self.domain(own)))
        if self.maybe(0.4):
            terms.insert(self.r.randrange(len(terms) + 1), "exp=" + self.pick(["e1.example", "e2.example", "e3.example",
                                                                             "%{d}.e.example", "e5.example", "gone"]))
        if self.maybe(0.5):
            terms.append(self.pick(["-all", "-all", "~all", "?all", "+all"]))
        return " ".join([self.pick(["v=spf1"] * 9 + ["V=SPF1"])] + terms) + (" " if self.maybe(0.1) else "")

    def addresses(self, pool):
        return self.r.sample(pool, self.r.randrange(1, 4))

    def scenario(self):
        zone.clear()
        limit = 5 if self.maybe(0.8) else 14
        for domain in DOMAINS:
            if self.maybe(0.9):
                texts = [self.record(domain, [d for d in DOMAINS if d != domain], limit)]
                if self.maybe(0.04):
                    texts.append("v=spf1 -all" if self.maybe(0.5) else "v=spf10 mx")
                if self.maybe(0.2):
                    texts.insert(0, self.pick(["some other text", "v=spf2.0/pra", "\xff\xfe"]))
                zone[domain, "TXT"] = texts
        for name in DOMAINS + HOSTS + ["x." + d for d in DOMAINS]:
            if self.maybe(0.7):
                zone[name, "A"] = self.addresses(V4)
            if self.maybe(0.4):
                zone[name, "AAAA"] = self.addresses(V6)
        for name in DOMAINS:
            if self.maybe(0.6):
                count = self.pick([1, 1, 2, 3, 3, 12]) if self.maybe(0.3) else 2
                zone[name, "MX"] = [(n, self.pick(HOSTS + [""] * 2)) for n in range(count)]
        for address in V4 + V6:
            if self.maybe(0.6):
                names = self.r.sample(HOSTS + DOMAINS, self.pick([1, 1, 2, 12]))
                zone[ipaddress.ip_address(address).reverse_pointer, "PTR"] = names
        zone["e1.example", "TXT"] = ["%{i} is not of %{d}: %{s} %{h} %{v}"]
        zone["e2.example", "TXT"] = ["http://%{d2}/why?s=%{S}&i=%{I}&l=%{l1r-}%%%_%-"]
        zone["e3.example", "TXT"] = ["one", "two"]
        zone["e5.example", "TXT"] = [self.pick(["bad %{x}", "bad %(d)", "\xe9", "plain."])]
        for domain in DOMAINS:
            zone[domain + ".e.example", "TXT"] = ["of %{d} for %{o} by %{r}"]
        for key in list(zone):
            if self.maybe(0.015):
                zone[key] = "timeout"
        return [self.check() for _ in range(6)]

    def check(self):
        client = self.pick(V4 if self.maybe(0.65) else V6 + ["::ffff:192.0.2.1", "::ffff:192.0.2.200"])
        helo = self.pick(DOMAINS + HOSTS)
        sender = "%s@%s" % (self.pick(LOCALS), self.pick(DOMAINS)) if self.maybe(0.9) else ""
        query = Query(i=client, s=sender, h=helo, receiver="mx.example.net", strict=True)
        query.set_default_explanation("DEFAULT")
        result, _, explanation = query.check()
        return {"client": client, "helo": helo, "sender": sender, "result": result,
                "explanation": explanation if result == "fail" else None, "lookups": query.lookups}


def main():
    generator = Generator(int(sys.argv[1]))
    scenarios = []
    for _ in range(int(sys.argv[2])):
        checks = generator.scenario()
        records = [{"name": name, "type": type, "values": None if values == "timeout" else
                    ["%d %s" % v if type == "MX" else v for v in values]} for (name, type), values in zone.items()]
        scenarios.append({"records": records, "checks": checks})
    json.dump(scenarios, sys.stdout)


main()
