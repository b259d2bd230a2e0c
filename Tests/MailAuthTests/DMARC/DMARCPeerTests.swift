import DNSCore
import Foundation
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// Generated zones, authors and what passed, judged here and by a judge that is written by the letter of the standard.
@Suite("DMARC: a second judge", .serialized)
struct DMARCPeerTests {
    private struct Scenario: Decodable {
        struct Answer: Decodable {
            var result: String
            var domain: String?
            var policy: String?
            var wanted: String?
        }

        var author: String
        var records: [String: [String]]
        var missing: [String]
        var passed: [[String]]
        var answer: Answer
        /// Names that are not answered for now, and what could be the verdict if they were.
        var failing: [String]
        var possible: [Answer]

        func zone() -> ScriptedResolver {
            let zone = ScriptedResolver()
            for (name, texts) in records {
                zone.answer("_dmarc.\(name)", .txt, texts.map { .text(Array($0.utf8)) })
            }
            if !missing.contains(author) { zone.fail(author, .a, .noData(secure: false)) }
            return zone
        }

        func judged(_ zone: ScriptedResolver) async throws -> DMARCEvaluation {
            let identifiers = try passed.map {
                DMARCIdentifier($0[0] == "spf" ? .spf : .dkim, try #require(DomainName($0[1])), .pass)
            }
            return await DMARCEvaluator.evaluate(
                DMARCAuthors([try #require(DomainName(author))]), identifiers, resolver: zone)
        }
    }

    private func scenarios(_ seed: Int) async throws -> [Scenario] {
        let told = try await Peer.python("dmarc_peer", ["\(seed)", "1000"])
        let scenarios = try JSONDecoder().decode([Scenario].self, from: Data(told.output.utf8))
        try #require(scenarios.count == 1000, "\(told.errors)")
        return scenarios
    }

    @Test(
        "the verdict, the record and the policy are the same", .enabled(if: Peer.present("python3")), arguments: 1...4)
    func verdicts(_ seed: Int) async throws {
        for scenario in try await scenarios(seed) {
            let one = try await scenario.judged(scenario.zone())
            let wanted = scenario.answer
            #expect(one.result.keyword == wanted.result, "\(scenario)")
            #expect(one.policyDomain?.ascii == wanted.domain, "\(scenario)")
            guard one.result.keyword == "fail" else { continue }
            #expect(one.policy?.rawValue == wanted.policy && one.wanted.rawValue == wanted.wanted, "\(scenario)")
        }
    }

    /// Whatever is said though some questions are not answered would be said as well if they were.
    @Test("trouble with the DNS changes no verdict", .enabled(if: Peer.present("python3")), arguments: 11...14)
    func trouble(_ seed: Int) async throws {
        var temporary = 0
        for scenario in try await scenarios(seed) {
            let zone = scenario.zone()
            for name in scenario.failing { zone.fail("_dmarc.\(name)", .txt, .serverFailure(rcode: 2)) }
            let one = try await scenario.judged(zone)
            guard one.result.keyword != "temperror" else {
                temporary += 1
                #expect(!scenario.failing.isEmpty && one.wanted == .none, "\(scenario)")
                continue
            }
            for answer in scenario.possible {
                #expect(one.result.keyword == answer.result, "\(scenario)")
                guard answer.result == "fail" else { continue }
                #expect(one.wanted.rawValue == answer.wanted, "\(scenario)")
            }
        }
        #expect(temporary > 50)
    }
}
