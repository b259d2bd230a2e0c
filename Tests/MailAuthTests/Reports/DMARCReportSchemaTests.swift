import Foundation
import MailAuth
import MailSyntax
import MartletTesting
import Testing

/// Reports as they are written, before the schemas of both RFCs and a judge who is not ours.
@Suite(.serialized, .enabled(if: Peer.present("xmllint"), "xmllint is not installed"))
struct DMARCReportSchemaTests {
    private static let schemas = Peer.fixtures.appending(path: "Reports")

    /// The names of the documents that a schema doesn't let pass, with what is wrong.
    private static func refused(
        _ documents: [(name: String, text: String)], by schema: String
    ) async throws -> [String: String] {
        let folder = try TemporaryFolder()
        let files = try documents.map { try folder.write($0.text, to: "\($0.name).xml") }
        let result = try await ProcessRunner.run(
            [try Peer.require("xmllint"), "--noout", "--nonet", "--schema", schema] + files)
        // It says of each what it finds, and 3 of all when one doesn't pass.
        #expect(result.status == 0 || result.status == 3, "\(result)")
        var refused: [String: String] = [:]
        for (document, file) in zip(documents, files) where !result.errors.contains("\(file) validates\n") {
            let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix(file) }
            refused[document.name] = lines.joined(separator: "\n")
        }
        return refused
    }

    private static func text(_ report: DMARCReport) -> String { String(decoding: report.xml, as: UTF8.self) }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `what is written fits the tables of RFC 9990, whatever is in it`(
        seed: UInt64
    ) async throws {
        var cases = DMARCReportCases(seed: seed)
        let reports = (0..<200).map { (name: "\(seed)-\($0)", report: cases.report()) }
        let refused = try await Self.refused(
            reports.map { ($0.name, Self.text($0.report)) }, by: Self.schemas.appending(path: "rfc9990.xsd").path)
        for (name, reason) in refused { Issue.record("report \(name): \(reason)") }
        for (name, report) in reports {
            let read = try DMARCReportReader.read(report.xml, now: Timestamp(seconds: 2_000_100_000))
            #expect(read.records.map(\.count) == report.records.map(\.count), "report \(name)")
            #expect(read.records.map(\.source) == report.records.map(\.source), "report \(name)")
        }
    }

    @Test func `a document that breaks the tables of RFC 9990 is noticed`() async throws {
        let good = Self.text(try DMARCReportXMLTests.report())
        let breaks = [
            ("no namespace", " xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"", ""),
            ("another version", "<version>1.0<", "<version>2.0<"),
            ("no id", "<report_id>1790000000.example.com@mx.example.org</report_id>", ""),
            ("an id with blanks", "<report_id>1790000000.", "<report_id>17 90."),
            ("a second error", "<generator>", "<error>x</error><generator>"),
            ("a percentage", "<testing>", "<pct>100</pct><testing>"),
            ("no policy", "<p>reject</p>", "<p></p>"),
            ("an address that is none", "2001:db8::25", "2001:db8::25::1"),
            ("no messages", "<count>12<", "<count>0<"),
            ("a disposition of ours", "<disposition>none<", "<disposition>junk<"),
            ("a reason of RFC 7489", "<type>other<", "<type>forwarded<"),
            ("no selector", "<selector>s1</selector>", ""),
            ("a result that is none", "<result>softfail<", "<result>hardfail<"),
            ("the scope of HELO", "<scope>mfrom<", "<scope>helo<"),
            ("results before identifiers", "<identifiers>", "<auth_results/><identifiers>"),
        ]
        var documents = [(name: "good", text: good)]
        for (name, old, new) in breaks {
            #expect(good.contains(old), "\(name)")
            documents.append((name, good.replacingOccurrences(of: old, with: new)))
        }
        let refused = try await Self.refused(documents, by: Self.schemas.appending(path: "rfc9990.xsd").path)
        #expect(refused.keys.sorted() == breaks.map(\.0).sorted())
    }

    // MARK: RFC 7489

    /// A document of RFC 9990 without what RFC 7489 doesn't know.
    private static func older(_ text: String) -> String {
        var text = text
        for (pattern, new) in [
            (" xmlns=\"[^\"]*\"", ""), ("<(discovery_method|np|testing|generator)>[^<]*</[a-z_]*>", ""),
            // Gone since, and required then.
            ("</policy_published>", "<pct>100</pct></policy_published>"),
            (
                "(<spf>\\s*<domain>[^<]*</domain>\\s*<scope>[^<]*</scope>\\s*<result>[^<]*</result>)\\s*"
                    + "<human_result>[^<]*</human_result>", "$1"
            ),
            ("<disposition>pass<", "<disposition>none<"), ("<type>policy_test_mode<", "<type>other<"),
        ] {
            text = text.replacingOccurrences(of: pattern, with: new, options: .regularExpression)
        }
        return text
    }

    @Test func `readers of RFC 7489 find what they look for, where they look for it`() async throws {
        let schema = Self.schemas.appending(path: "rfc7489.xsd").path
        var cases = DMARCReportCases(seed: 7489)
        let reports = (0..<200).map { number in
            var report = cases.report()
            // Both are written by `ObservedPolicy`, and required then.
            report.policy.subdomainPolicy = report.policy.subdomainPolicy ?? report.policy.policy
            report.policy.failureOptions = report.policy.failureOptions ?? "0"
            for index in report.records.indices {
                let identifiers = report.records[index].identifiers
                report.records[index].identifiers.envelopeFrom = identifiers.envelopeFrom ?? ""
                guard report.records[index].spf.isEmpty else { continue }
                report.records[index].spf = [DMARCReport.SPF(domain: "example.com", scope: "mfrom", result: "none")]
            }
            return (name: "\(number)", text: Self.older(Self.text(report)))
        }
        let refused = try await Self.refused(reports, by: schema)
        for (name, reason) in refused { Issue.record("report \(name): \(reason)") }
        let unchanged = try await Self.refused([("new", Self.text(try DMARCReportXMLTests.report()))], by: schema)
        #expect(unchanged.count == 1, "the schema lets everything pass")
    }
}
