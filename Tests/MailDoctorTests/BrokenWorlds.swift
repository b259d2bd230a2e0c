import MailAuth
import MailSyntax
import MartletTesting

@testable import MailDoctor

extension BrokenWorld {
    static let all = host + exchange + shown + sender + keys + policies + transport + clients + world

    static let host: [BrokenWorld] = [
        .init(
            "the host's IPv4 address is another",
            "error address mail.example.org: does not lead to 198.51.100.7",
            "warning address mail.example.org: leads to 203.0.113.9, which is not this server's",
            "error reverse 198.51.100.7: its reverse name mail.example.org does not lead back to it",
            "error spf example.org: gives softfail for 198.51.100.7",
            "error host-spf mail.example.org: gives fail for 198.51.100.7"
        ) { $0.replace("IN A 198.51.100.7", "IN A 203.0.113.9") },
        .init(
            "the host's name is an alias", "error address mail.example.org: the server's name is an alias",
            "error host-spf mail.example.org: has 2 SPF records"
        ) {
            $0.zone = $0.zone.filter { !$0.hasPrefix("mail.example.org. ") }
            $0.add(
                "mail.example.org. IN CNAME real.example.org.", "real.example.org. IN A 198.51.100.7",
                "real.example.org. IN AAAA 2001:db8::7", "real.example.org. IN TXT \"v=spf1 a -all\"",
                "real.example.org. IN TXT \"v=spf1 -all\"", "real.example.org. IN CAA 0 issue \"letsencrypt.org\"")
        },
        .init("no reverse name", "error reverse 198.51.100.7: has no reverse name") { $0.remove("100.51.198.in-addr") },
        .init("IPv6 without a reverse name", "error reverse 2001:db8::7: has no reverse name") {
            $0.remove("ip6.arpa")
        },
        .init(
            "the reverse name does not lead back",
            "error reverse 198.51.100.7: its reverse name static-7.isp.example does not lead back"
        ) {
            $0.replace(
                "7.100.51.198.in-addr.arpa. IN PTR mail.example.org.",
                "7.100.51.198.in-addr.arpa. IN PTR static-7.isp.example.")
        },
        .init(
            "the reverse name is another than the name in EHLO",
            "warning reverse 198.51.100.7: its reverse name is other.example.org, while the server calls itself mail"
        ) {
            $0.replace("7.100.51.198.in-addr.arpa. IN PTR mail", "7.100.51.198.in-addr.arpa. IN PTR other")
            $0.add("other.example.org. IN A 198.51.100.7")
        },
        .init(
            "the name in EHLO leads elsewhere", "error helo out.example.org: the name that the server gives leads to",
            "error host-spf out.example.org: gives fail for 198.51.100.7",
            "error host-spf out.example.org: gives fail for 2001:db8::7",
            "warning reverse 198.51.100.7: its reverse name is mail.example.org",
            "warning reverse 2001:db8::7: its reverse name is mail.example.org"
        ) {
            $0.plan.heloName = sure(DomainName("out.example.org"))
            $0.add("out.example.org. IN A 203.0.113.1", "out.example.org. IN TXT \"v=spf1 a -all\"")
        },
    ]

    static let exchange: [BrokenWorld] = [
        .init(
            "no MX", "error mx example.org: has no MX record", "error spf example.org: gives softfail for 198",
            "error spf example.org: gives softfail for 2001"
        ) { $0.remove("IN MX 10 mail") },
        .init(
            "a null MX", "error mx example.org: a null MX", "error spf example.org: gives softfail for 198",
            "error spf example.org: gives softfail for 2001"
        ) { $0.replace("IN MX 10 mail.example.org.", "IN MX 0 .") },
        .init(
            "the MX leads to an alias", "error mx mx.example.org: an MX record leads to an alias",
            "remark mx example.org: leads to this server by another name",
            "remark tlsa _25._tcp.mx.example.org: the zone is signed",
            "error mta-sts mta-sts.example.org: the policy does not name mx.example.org"
        ) {
            $0.replace("IN MX 10 mail.example.org.", "IN MX 10 mx.example.org.")
            $0.add("mx.example.org. IN CNAME mail.example.org.")
        },
        .init(
            "mail goes elsewhere", "error mx example.org: goes to mx.elsewhere.example, not to this server",
            "error spf example.org: gives softfail for 198", "error spf example.org: gives softfail for 2001",
            "error mta-sts mta-sts.example.org: the policy does not name mx.elsewhere.example"
        ) {
            $0.replace("IN MX 10 mail.example.org.", "IN MX 10 mx.elsewhere.example.")
            $0.add("mx.elsewhere.example. IN A 203.0.113.80")
        },
        .init("one MX has no address", "error mx mx2.example.org: an MX record leads to a name without addresses") {
            $0.add("example.org. IN MX 20 mx2.example.org.")
        },
        .init(
            "port 25 is closed",
            "error mx-reachable mail.example.org[198.51.100.7]: port 25 can't be used from here: refused",
            "error mx-reachable mail.example.org[2001:db8::7]: port 25 can't be used from here: refused"
        ) { $0.probe.failure = "refused" },
        .init(
            "STARTTLS is not offered", "error starttls mail.example.org[198.51.100.7]: STARTTLS is not offered",
            "error starttls mail.example.org[2001:db8::7]: STARTTLS is not offered"
        ) { $0.probe.offersStartTLS = false },
        .init(
            "the certificate on port 25 is for another name",
            "error mx-certificate mail.example.org[198.51.100.7]: the certificate is not for",
            "error mx-certificate mail.example.org[2001:db8::7]: the certificate is not for"
        ) { $0.probe.distrust = "the certificate is not for mail.example.org" },
    ]

    static let shown: [BrokenWorld] = [
        .init(
            "a renewed certificate was not taken up",
            "remark mx-certificate mail.example.org[198.51.100.7]: shows another certificate",
            "remark mx-certificate mail.example.org[2001:db8::7]: shows another certificate",
            "warning mx-certificate mail.example.org[198.51.100.7]: the certificate ends in 3 days",
            "warning mx-certificate mail.example.org[2001:db8::7]: the certificate ends in 3 days"
        ) {
            var old = CertificateFacts.example(for: "mail.example.org", until: 1_795_000_000 + 3 * 86_400)
            old.der += [0]
            $0.probe.chain = [old]
        }
    ]

    static let sender: [BrokenWorld] = [
        .init("no SPF", "error spf example.org: has no SPF record") { $0.remove("v=spf1 mx") },
        .init("two SPF records", "error spf example.org: has 2 SPF records") {
            $0.add("example.org. IN TXT \"v=spf1 ip4:203.0.113.0/24 -all\"")
        },
        .init(
            "SPF without this server", "error spf example.org: gives fail for 198.51.100.7",
            "error spf example.org: gives fail for 2001:db8::7"
        ) {
            $0.replace("v=spf1 mx ~all", "v=spf1 ip4:203.0.113.0/24 -all")
        },
        .init("SPF without the IPv6 address", "error spf example.org: gives softfail for 2001:db8::7") {
            $0.replace("v=spf1 mx ~all", "v=spf1 ip4:198.51.100.7 ~all")
        },
        .init("an SPF record with a typing error", "error spf example.org: the SPF record can't be read") {
            $0.replace("v=spf1 mx ~all", "v=spf1 mx ipv4:198.51.100.7 ~all")
        },
        .init("SPF with too many lookups", "error spf example.org: takes 12 lookups, and 10 are allowed") {
            let names = (1...11).map { "include:s\($0).example" }.joined(separator: " ")
            $0.replace("v=spf1 mx ~all", "v=spf1 mx \(names) ~all")
            $0.zone += (1...11).map { "s\($0).example. IN TXT \"v=spf1 ip4:203.0.113.\($0) -all\"" }
        },
        .init("SPF that lets everybody send", "error spf example.org: +all lets everybody send") {
            $0.replace("v=spf1 mx ~all", "v=spf1 mx +all")
        },
        .init("no SPF for the host's name", "warning host-spf mail.example.org: has no SPF record") {
            $0.remove("v=spf1 a -all")
        },
    ]

    static let policies: [BrokenWorld] = [
        .init("no DMARC", "warning dmarc _dmarc.example.org: has no DMARC record") { $0.remove("_dmarc") },
        .init("two DMARC records", "error dmarc _dmarc.example.org: has 2 DMARC records") {
            $0.add("_dmarc.example.org. IN TXT \"v=DMARC1; p=none\"")
        },
        .init("DMARC with a policy that is none", "error dmarc _dmarc.example.org: p=block is no policy") {
            $0.replace("p=quarantine", "p=block")
        },
        .init(
            "DMARC with removed tags", "remark dmarc _dmarc.example.org: the tag pct",
            "remark dmarc _dmarc.example.org: the tag rf", "remark dmarc _dmarc.example.org: the tag ri"
        ) { $0.replace("p=quarantine;", "p=quarantine; pct=100; rf=afrf; ri=86400;") },
        .init(
            "reports to a domain that has not agreed",
            "warning dmarc _dmarc.example.org: reports.example has not agreed to get reports"
        ) { $0.replace("rua=mailto:postmaster@example.org\"", "rua=mailto:a@reports.example\"") },
    ]

    static let transport: [BrokenWorld] = [
        .init("no MTA-STS record", "warning mta-sts _mta-sts.example.org: the policy that is served is not announced") {
            $0.remove("_mta-sts.")
        },
        .init("an old MTA-STS id", "warning mta-sts _mta-sts.example.org: has the id 2020") {
            $0.replace("id=\($0.plan.policy?.recordID ?? "")", "id=2020")
        },
        .init("the MTA-STS policy can't be fetched", "error mta-sts mta-sts.example.org: the policy that is announced")
        {
            $0.probe.policyText = nil
        },
        .init(
            "another MTA-STS policy is served, which names another host",
            "error mta-sts mta-sts.example.org: the policy does not name mail.example.org",
            "warning mta-sts mta-sts.example.org: another policy is served there"
        ) {
            $0.probe.policyText = "version: STSv1\nmode: enforce\nmx: mx.elsewhere.example\nmax_age: 604800\n"
        },
        .init(
            "a second MX that the MTA-STS policy does not name",
            "error mta-sts mta-sts.example.org: the policy does not name backup.example.org",
            "remark mx example.org: goes to backup.example.org too"
        ) {
            $0.add("example.org. IN MX 20 backup.example.org.", "backup.example.org. IN A 192.0.2.9")
        },
        .init(
            "a stale MTA-STS policy is served", "warning mta-sts mta-sts.example.org: another policy is served there"
        ) {
            $0.probe.policyText = "version: STSv1\nmode: testing\nmx: mail.example.org\nmax_age: 604800\n"
        },
        .init("no TLS-RPT", "remark tls-rpt _smtp._tls.example.org: nobody is asked") { $0.remove("_smtp._tls") },
        .init("TLSA of an old certificate", "error tlsa _25._tcp.mail.example.org: none of the TLSA records fits") {
            $0.replace("TLSA 3 1 1 2c70", "TLSA 3 1 1 ffff")
        },
        .init(
            "TLSA with a usage that SMTP does not know",
            "warning tlsa _25._tcp.mail.example.org: senders can't use 1 1 1"
        ) {
            $0.replace("TLSA 3 1 1", "TLSA 1 1 1")
        },
        .init(
            "TLSA in a zone that is not signed", "remark dnssec example.org: the zone is not signed",
            "warning tlsa _25._tcp.mail.example.org: TLSA records stand in a zone that is not signed"
        ) {
            $0.signing = .none
            $0.validates = true
        },
    ]

    static let clients: [BrokenWorld] = [
        .init("a client's record leads to the wrong port", "warning srv _imaps._tcp.example.org: leads to port 143 of")
        {
            $0.replace("993 mail.example.org.", "143 mail.example.org.")
        },
        .init("a service is announced that is not there", "warning srv _pop3s._tcp.example.org: announces a service") {
            $0.add("_pop3s._tcp.example.org. IN SRV 0 1 995 mail.example.org.")
        },
        .init(
            "a name that people guess, without a certificate",
            "remark srv imap.example.org: leads to this server, and no certificate is for it"
        ) { $0.add("imap.example.org. IN CNAME mail.example.org.") },
        .init("CAA for another authority", "warning caa mail.example.org: does not let letsencrypt.org issue") {
            $0.replace("issue \"letsencrypt.org\"", "issue \"ca.example\"")
        },
        .init("a certificate that ends soon", "warning certificate mail.example.org: the certificate ends in 5 days") {
            $0.plan.certificates = [.example(for: "mail.example.org", until: 1_795_000_000 + 5 * 86_400)]
        },
        .init("a certificate that has ended", "error certificate mail.example.org: the certificate ended 2 days ago") {
            $0.plan.certificates = [.example(for: "mail.example.org", until: 1_795_000_000 - 2 * 86_400)]
        },
        .init("a certificate for another name", "error certificate mail.example.org: no certificate is for") {
            $0.plan.certificates = [.example(for: "www.example.org")]
        },
    ]

    static let world: [BrokenWorld] = [
        .init("port 25 is blocked", "error port-25 port 25: none of 1 hosts could be reached") {
            $0.probe.outboundFailure = "timed out"
        },
        .init("the address is listed", "error block-list 198.51.100.7: is on list.example (127.0.0.3): spam seen") {
            $0.add("7.100.51.198.list.example. IN A 127.0.0.3", "7.100.51.198.list.example. IN TXT \"spam seen\"")
        },
        .init("the list refuses", "remark block-list list.example: could not be asked: it does not answer public") {
            $0.replace("2.0.0.127.list.example. IN A 127.0.0.2", "2.0.0.127.list.example. IN A 127.255.255.254")
        },
        .init("the list is dead", "remark block-list list.example: could not be asked: it does not list its own") {
            $0.remove("2.0.0.127.list")
        },
        .init("the list says yes to everything", "remark block-list list.example: could not be asked: it lists every") {
            $0.remove("2.0.0.127.list")
            $0.add("*.list.example. IN A 127.0.0.2")
        },
        .init("the clock is wrong", "error clock clock: is 600 seconds ahead of time.example") {
            $0.probe.ahead = .seconds(600)
        },
    ]
}
