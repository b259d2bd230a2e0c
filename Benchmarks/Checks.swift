import DNSClient
import DNSCore
import MailAuth
import MailMessage
import MailSyntax

/// All checks of a message that comes in, through the resolver, which knows the answers already.
enum Checks {
    private static let rounds = 25
    private static let timesARound = 200

    static func run() async throws {
        let specimen = try Specimen(octets: 10_240)
        let reverse = [
            "1.2.0.192.in-addr.arpa. 3600 IN PTR \(Specimen.helo).", "\(Specimen.helo). 3600 IN A 192.0.2.1",
        ]
        let resolver = try UnboundResolver(
            ResolverSettings(localData: specimen.records + reverse, trustAnchor: .none))
        var least = Double.infinity
        for _ in 0..<rounds {
            let start = Stopwatch.seconds(.process)
            for _ in 0..<timesARound { try await check(specimen, resolver) }
            least = min(least, (Stopwatch.seconds(.process) - start) / Double(timesARound) * 1e3)
        }
        print("checks.milliseconds \(least)")
    }

    private static func check(_ specimen: Specimen, _ resolver: UnboundResolver) async throws {
        guard let client = IPAddress("192.0.2.1"), let path = ReversePath(Specimen.sender) else {
            throw BenchError(description: "no client")
        }
        let reverse = await ReverseCheck.check(client, resolver: resolver)
        let spf = await SPFChecker.checkBoth(
            client: client, helo: Specimen.helo, sender: path, resolver: resolver, now: specimen.now)
        var verifier = DKIMVerifier(header: specimen.wholeHeader, withARC: true)
        verifier.update(specimen.body)
        verifier.finishBody()
        let keys = await DKIMKeyLookup.ask(verifier.keyNames, of: resolver)
        let signatures = verifier.results(answers: keys, now: specimen.now)
        let chain = verifier.arcChain(answers: keys, now: specimen.now)
        let identifiers =
            [DMARCIdentifier(spf.mailFrom)].compactMap(\.self) + signatures.compactMap(DMARCIdentifier.init)
        let authors = DMARCAuthors(HeaderBlock(parsing: specimen.wholeHeader))
        let dmarc = await DMARCEvaluator.evaluate(authors, identifiers, resolver: resolver)
        typealias Entry = AuthenticationResults.Entry
        let entries =
            [Entry.reverse(reverse, client: client), .spf(spf.helo), .spf(spf.mailFrom)] + Entry.dkim(signatures)
            + [.arc(chain, client: client), .dmarc(dmarc)]
        let field = AuthenticationResults(authservID: "mx.bench.test", entries: entries).field()
        let found = entries.map { "\($0.method)=\($0.result)" }
        guard found.allSatisfy({ $0.hasSuffix("=pass") }), !field.isEmpty else {
            throw BenchError(description: found.joined(separator: " "))
        }
    }
}
