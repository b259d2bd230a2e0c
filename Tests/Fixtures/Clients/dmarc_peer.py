"""Generates zones, authors and what passed for them, judges them by the letter of the standard, and prints all as JSON.

dmarc_peer.py SEED COUNT [checkdmarc]

The judge below is written from the text of draft-ietf-dmarc-dmarcbis-41, which became RFC 9989, rule by rule and without a
thought of speed; the numbers are its sections'. With `checkdmarc` (a package of PyPI, which has a tree walk of its own) it
compares the policies that both find, and prints where they differ instead.
"""
import json
import random
import re
import sys

TOPS = ["example", "co.example", "bank.example"]
WORDS = ["a", "b", "mail", "dept"]
POLICIES = ["none", "quarantine", "reject"]


# §4.7, §4.8
def read(text):
    """The tags of a record, or None where it is none."""
    first, *rest = text.split(";")
    if not re.fullmatch(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*", first):
        return None
    tags = {}
    for piece in rest:
        found = re.fullmatch(r"[ \t]*([A-Za-z]+)[ \t]*=[ \t]*([ -:<-~]*[!-:<-~])[ \t]*", piece)
        # A tag that is written twice: the text says nothing; the first holds.
        if found and found[1].lower() not in tags:
            tags[found[1].lower()] = found[2] if found[1].lower() in ("rua", "ruf") else found[2].lower()
    for name, values, default in [("t", "yn", "n"), ("psd", "ynu", "u"), ("adkim", "rs", "r"), ("aspf", "rs", "r")]:
        if tags.get(name) not in list(values):
            tags[name] = default
    return tags


def valid_reports(tags):
    return [uri for uri in tags.get("rua", "").split(",") if re.fullmatch(r"[ \t]*mailto:[a-z]+@[a-z.]+(![0-9]+[kmgt]?)?[ \t]*", uri)]


class Zone:
    def __init__(self, records, missing):
        self.records, self.missing = records, missing

    def record(self, domain):
        found = [tags for tags in map(read, self.records.get(domain, [])) if tags is not None]
        # §4.10: "If multiple DMARC Policy Records are returned for a single target, they are all discarded."
        return found[0] if len(found) == 1 else None

    # §4.10
    def walk(self, domain):
        found = []
        labels = domain.split(".")
        target = labels
        while target:
            tags = self.record(".".join(target))
            if tags is not None:
                found.append((".".join(target), tags))
                if tags["psd"] in "yn":
                    break
            target = target[1:] if len(target) < 8 else target[-7:]
        return found

    # §4.10.2
    def organization(self, domain):
        found = self.walk(domain)
        for name, tags in found:
            if tags["psd"] == "n":
                return name
            if tags["psd"] == "y" and name != domain:
                return ".".join(domain.split(".")[-len(name.split(".")) - 1:])
        return found[-1][0] if found else domain

    # §4.10.1
    def policy(self, author):
        """Where the record is, and its tags; None without one."""
        own = self.record(author)
        if own is not None:
            return author, own
        organization = self.organization(author)
        if self.record(organization) is not None and any(name == organization for name, _ in self.walk(author)):
            return organization, self.record(organization)
        for name, tags in self.walk(author):
            if tags["psd"] == "y":
                return name, tags
        return None

    def judge(self, author, passed):
        found = self.policy(author)
        if found is None:
            return {"result": "none"}
        domain, tags = found
        answer = {"result": "fail", "domain": domain, "policy": tags.get("p", "none")}
        if any(tags.get(name, "none") not in POLICIES for name in ("p", "sp", "np")):
            if not valid_reports(tags):
                return {"result": "permerror", "domain": domain}
            tags = dict(tags, p="none", sp="none", np="none")
            answer["policy"] = "none"
        elif author != domain:
            answer["policy"] = tags.get("sp", answer["policy"])
            # §3.2.13
            if author in self.missing:
                answer["policy"] = tags.get("np", answer["policy"])
        for method, name in passed:
            strict = tags["aspf" if method == "spf" else "adkim"] == "s"
            if name == author or not strict and self.organization(name) == self.organization(author):
                return dict(answer, result="pass")
        wanted = answer["policy"]
        if tags["t"] == "y":
            wanted = {"reject": "quarantine"}.get(wanted, "none")
        return dict(answer, wanted=wanted)


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def name(self, top):
        depth = self.random.choice([0, 1, 1, 1, 2, 2, 3, 7, 9])
        return ".".join([self.random.choice(WORDS) for _ in range(depth)] + [top])

    def text(self):
        choose = self.random.choice
        tags = []
        if self.random.random() < 0.9:
            tags.append("p=" + choose(POLICIES * 4 + ["", "deny", "NONE", "reject quarantine"]))
        if self.random.random() < 0.4:
            tags.append("sp=" + choose(POLICIES * 4 + ["x", "Reject"]))
        if self.random.random() < 0.4:
            tags.append("np=" + choose(POLICIES * 6 + ["maybe"]))
        if self.random.random() < 0.3:
            tags.append(choose(["psd=y", "psd=n", "psd=n", "psd=u", "psd=Y", "psd=no", "PSD = n"]))
        for name, values in [("t", "yny?"), ("adkim", "rsSx"), ("aspf", "rsS ")]:
            if self.random.random() < 0.25:
                tags.append(f"{name}{choose(['=', ' = ', '= '])}{choose(values)}")
        if self.random.random() < 0.4:
            tags.append("rua=" + choose(["mailto:a@example", "a@example", "mailto:a@example!10m,mailto:b@c.example", "mailto:"]))
        if self.random.random() < 0.2:
            tags.append(choose(["pct=0", "pct=50", "ri=1", "rf=afrf", "x=y", "junk", "=x", "fo=1", "p=reject", "t=y", "v=DMARC1"]))
        self.random.shuffle(tags)
        if self.random.random() < 0.7:
            tags.sort(key=lambda tag: not tag.lower().startswith("p="))
        separator = choose([";", "; ", " ; ", ";\t"])
        version = choose(["v=DMARC1"] * 12 + ["V=DMARC1", "v = DMARC1", "v=DMARC1 ", "v=dmarc1", "v=DMARC2", "v=DMARC1x", "v=spf1"])
        return separator.join([version] + tags) + choose(["", ";", "; "])

    def scenario(self):
        top = self.random.choice(TOPS)
        author = self.name(top)
        names = [author, top, "example"] + [self.name(top) for _ in range(3)]
        for name in list(names):
            labels = name.split(".")
            names += [".".join(labels[start:]) for start in range(1, len(labels))]
        names = sorted(set(names))
        records = {}
        for name in names:
            if self.random.random() < 0.35:
                records[name] = [self.text() for _ in range(self.random.choice([1, 1, 1, 1, 1, 2]))]
        missing = [name for name in names if self.random.random() < 0.3]
        passed = [(self.random.choice(["spf", "dkim"]), self.random.choice(names + ["other.test"]))
                  for _ in range(self.random.choice([0, 1, 1, 2]))]
        scenario = {"author": author, "records": records, "missing": missing, "passed": passed}
        scenario["answer"] = Zone(records, missing).judge(author, passed)
        # Some names are not answered: what is said all the same has to be right whatever their answers would be.
        failing = [name for name in names if self.random.random() < 0.15]
        scenario["failing"] = failing
        scenario["possible"] = [scenario["answer"]]
        for _ in range(6):
            other = dict(records)
            for name in failing:
                other.pop(name, None)
                if self.random.random() < 0.6:
                    other[name] = [self.text()]
            scenario["possible"].append(Zone(other, missing).judge(author, passed))
        return scenario


def compare(scenarios):
    """Where checkdmarc finds another policy: the record, and the policy that holds for subdomains."""
    import checkdmarc.dmarc as peer

    counts = {}
    for scenario in scenarios:
        zone = Zone(scenario["records"], scenario["missing"])
        peer._query_dmarc_record = lambda domain, **_: peer_record(peer, scenario["records"].get(domain, []))
        peer.query_dns = lambda *_, **__: []
        try:
            theirs = peer.query_dmarc_record(scenario["author"])["location"]
        except peer.DMARCError as error:
            theirs = type(error).__name__
        ours = (zone.policy(scenario["author"]) or ["DMARCRecordNotFound"])[0]
        kind = "same" if ours == theirs else f"{'none' if 'NotFound' in ours else 'found'}, theirs {theirs if theirs[0].isupper() else 'elsewhere'}"
        counts.setdefault(kind, []).append(scenario)
    for kind, found in counts.items():
        print(f"{kind}: {len(found)}")
        if kind != "same":
            for one in found[:3]:
                print("   ", one["author"], one["records"], one["answer"])


def peer_record(peer, texts):
    found = [text for text in texts if read(text) is not None]
    if len(found) != 1:
        raise peer.DMARCRecordNotFound("none, or several")
    return found[0]


if __name__ == "__main__":
    generator = Generator(int(sys.argv[1]))
    scenarios = [generator.scenario() for _ in range(int(sys.argv[2]))]
    if sys.argv[3:] == ["checkdmarc"]:
        compare(scenarios)
    else:
        print(json.dumps(scenarios))
