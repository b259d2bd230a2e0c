import MailAuth
import MailSyntax
import MartletTesting

/// Reports as they might be composed, made up from a seed: whatever strangers may put into names, selectors, reasons and
/// records, each result and override, addresses of both families, and all that may be missing.
struct DMARCReportCases {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func report() -> DMARCReport {
        let begin = Timestamp(seconds: Int64.random(in: 1_400_000_000...2_000_000_000, using: &random))
        let metadata = DMARCReport.Metadata(
            organization: "o" + text(), email: "postmaster@mx.example.org",
            extraContact: perhaps { $0.text() },
            reportID: "\(begin.seconds).\(domain())@mx.example.org", begin: begin,
            end: Timestamp(seconds: begin.seconds + 86_399), errors: several(3) { $0.text() },
            generator: perhaps { _ in "Martlet 1.0 <https://martlet.example/>" })
        var policy = DMARCReport.PublishedPolicy(domain: domain(), policy: assessment())
        policy.discoveryMethod = perhaps { $0.one(of: ["treewalk", "psl"]) }
        policy.subdomainPolicy = perhaps { $0.assessment() }
        policy.nonexistentPolicy = perhaps { $0.assessment() }
        policy.dkimAlignment = perhaps { $0.one(of: ["r", "s"]) }
        policy.spfAlignment = perhaps { $0.one(of: ["r", "s"]) }
        policy.testing = perhaps { $0.one(of: ["y", "n"]) }
        policy.failureOptions = perhaps { $0.one(of: ["0", "1", "1:d", "0:1:d:s"]) }
        var records: [DMARCReport.Record] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) { records.append(record()) }
        return DMARCReport(metadata: metadata, policy: policy, records: records)
    }

    private mutating func record() -> DMARCReport.Record {
        let evaluated = DMARCReport.Evaluated(
            disposition: one(of: ["none", "pass", "quarantine", "reject"]), dkim: one(of: ["pass", "fail"]),
            spf: one(of: ["pass", "fail"]),
            reasons: several(3) { cases in
                DMARCReport.Reason(
                    cases.one(
                        of: ["local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"]),
                    comment: cases.perhaps { $0.text() })
            })
        var record = DMARCReport.Record(
            source: address(), count: Int.random(in: 1...1_000_000_000_000, using: &random), evaluated: evaluated,
            identifiers: DMARCReport.Identifiers(
                headerFrom: domain(), envelopeFrom: perhaps { $0.one(of: ["", $0.domain(), "[192.0.2.1]"]) },
                envelopeTo: perhaps { $0.domain() }))
        record.dkim = several(10) { cases in
            DMARCReport.DKIM(
                domain: cases.one(of: [cases.domain(), cases.text()]), selector: cases.perhaps { $0.text() },
                result: cases.one(of: ["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"]),
                humanResult: cases.perhaps { $0.text() })
        }
        record.spf = several(2) { cases in
            DMARCReport.SPF(
                domain: cases.domain(), scope: "mfrom",
                result: cases.one(of: ["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]),
                humanResult: cases.perhaps { $0.text() })
        }
        return record
    }

    // MARK: Parts

    private mutating func one(of words: [String]) -> String { words.randomElement(using: &random) ?? "" }

    private mutating func assessment() -> String { one(of: ["none", "quarantine", "reject"]) }

    private mutating func domain() -> String {
        one(of: ["example.com", "a.b.example", "xn--bcher-kva.example", "_under.example", "x"])
    }

    private mutating func perhaps<T>(_ make: (inout Self) -> T) -> T? {
        Bool.random(using: &random) ? make(&self) : nil
    }

    private mutating func several<T>(_ most: Int, _ make: (inout Self) -> T) -> [T] {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in make(&self) }
    }

    private mutating func address() -> IPAddress {
        let size = Bool.random(using: &random) ? 4 : 16
        var octets: [UInt8] = []
        while octets.count < size {
            // Runs of zeros, which are written short.
            let isZero = Int.random(in: 0..<2, using: &random) == 0
            for _ in 0..<2 { octets.append(isZero ? 0 : UInt8.random(in: 0...255, using: &random)) }
        }
        return IPAddress(bytes: octets) ?? address()
    }

    /// Characters of every kind, those that XML can't have, and what would end or begin something in it.
    private mutating func text() -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: text += one(of: ["]]>", "<!--", "&#0;", "&", "</error>", "\r\n", "\"'", "<?", "%s", "\u{FFFE}"])
            case 1: text.unicodeScalars.append(scalar(below: 0x20))
            case 2: text.unicodeScalars.append(scalar(below: 0x110000))
            default: text.unicodeScalars.append(scalar(below: 0x80))
            }
        }
        return text
    }

    private mutating func scalar(below end: UInt32) -> Unicode.Scalar {
        Unicode.Scalar(UInt32.random(in: 0..<end, using: &random)) ?? "\u{FFFF}"
    }
}
