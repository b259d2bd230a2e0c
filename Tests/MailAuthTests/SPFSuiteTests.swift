import Foundation
import MailSyntax
import MartletTesting
import Testing
import Yams

@testable import MailAuth

/// The test suite of openspf.org for RFC 7208, whole.
@Suite("SPF: the OpenSPF test suite")
struct SPFSuiteTests {
    @Test("every case of every scenario has one of the results that the suite allows")
    func suite() async throws {
        let text = try String(contentsOf: Peer.fixtures.appending(path: "SPF/rfc7208-tests.yml"), encoding: .utf8)
        var count = 0
        for scenario in try Yams.compose_all(yaml: text) {
            let zone = try SPFZone(try #require(scenario["zonedata"]))
            for (name, test) in try #require(scenario["tests"]?.mapping) {
                try await check(name.string ?? "", test, zone)
                count += 1
            }
        }
        #expect(count == 203)
    }

    private func check(_ name: String, _ test: Node, _ zone: SPFZone) async throws {
        let result = try await SPFResult.of(
            client: try #require(test["host"]?.string), helo: test["helo"]?.string ?? "",
            sender: test["mailfrom"]?.string ?? "", resolver: zone)
        let allowed = test["result"]?.sequence.map { $0.compactMap(\.string) } ?? [test["result"]?.string ?? ""]
        #expect(allowed.contains(result.keyword), "\(name): \(result.trace.map(\.text))")
        guard let explanation = test["explanation"]?.string, result.verdict == .fail else { return }
        // The digits of IPv6 addresses are lower-case in RFC 7208 §7.4 and upper-case in the suite.
        let wanted = explanation == "DEFAULT" ? nil : explanation
        #expect(result.explanation?.lowercased() == wanted?.lowercased(), "\(name)")
    }
}
