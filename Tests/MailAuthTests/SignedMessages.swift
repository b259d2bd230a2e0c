import MailSyntax
import Testing

@testable import MailAuth

/// Messages that a test signs, changes and verifies.
enum SignedMessages {
    static let now = Timestamp(seconds: 1_700_000_000)
    static let header = "From: a@example.org\r\nTo: b@example.net\r\nSubject: One\r\nDate: today\r\n\r\n"
    static let body = "Hello \r\n\r\nworld\r\n"

    struct Key {
        let signing: DKIMSigningKey
        let name: String
        let selector: String
        let domain: DomainName

        init(_ algorithm: DKIMAlgorithm = .ed25519SHA256, selector: String = "s", domain: String = "example.org") throws
        {
            signing = try DKIMSigningKey.generate(algorithm)
            self.selector = selector
            self.domain = try #require(DomainName(domain))
            name = "\(selector)._domainkey.\(self.domain.ascii)"
        }

        var answers: [String: DKIMKeyLookup] { [name: .records([Array(signing.publicRecord.utf8)])] }
        var signer: DKIMSigner { DKIMSigner(domain: domain, keys: [.init(selector: selector, key: signing)]) }
        var sealer: ARCSealer { ARCSealer(domain: domain, key: .init(selector: selector, key: signing)) }
    }

    /// A field of the test's own making, signed as its tags say: `h=`, `c=relaxed/relaxed` and the rest stand in `tags`.
    static func signed(_ tags: String, with key: Key, header: String = header, body: String = body) throws -> [UInt8] {
        var hasher = DKIMBodyHasher(.relaxed, limit: limit(tags))
        hasher.update(Array(body.utf8))
        let hash = Base64.encode(hasher.finish())
        let algorithm = key.signing.algorithm.rawValue
        let field = "DKIM-Signature: v=1; a=\(algorithm); c=relaxed/relaxed; \(tags); bh=\(hash); b="
        let names =
            tags.split(separator: ";").first { $0.trimmed.hasPrefix("h=") }.map { $0.trimmed.dropFirst(2) } ?? ""
        let raw = RawHeader(Array(header.utf8))
        var data: [UInt8] = []
        for selected in raw.selection(names.split(separator: ":").map { $0.trimmed.lowercased() }) {
            data += DKIMCanonicalization.relaxed.header(selected.bytes)
        }
        data += DKIMCanonicalization.relaxed.header(Array(field.utf8)[...]).dropLast(2)
        let signature = Base64.encode(try key.signing.signature(of: data))
        return Array("\(field)\(signature)\r\n\(header)\(body)".utf8)
    }

    private static func limit(_ tags: String) -> Int? {
        tags.split(separator: ";").first { $0.trimmed.hasPrefix("l=") }.flatMap { Int($0.trimmed.dropFirst(2)) }
    }

    static func verifier(_ message: [UInt8], rules: DKIMRules = DKIMRules(), withARC: Bool = false) -> DKIMVerifier {
        let (header, body) = DKIMVectors.split(message)
        var verifier = DKIMVerifier(header: header, rules: rules, withARC: withARC)
        verifier.update(body)
        verifier.finishBody()
        return verifier
    }

    static func result(
        _ message: [UInt8], _ answers: [String: DKIMKeyLookup], rules: DKIMRules = DKIMRules()
    ) -> VerifiedDKIMSignature? {
        verifier(message, rules: rules).results(answers: answers, now: now).first
    }

    static func chain(
        _ message: [UInt8], _ answers: [String: DKIMKeyLookup], now: Timestamp = now
    ) -> ARCChain {
        verifier(message, withARC: true).arcChain(answers: answers, now: now)
    }
}

extension Substring {
    var trimmed: String {
        var text = self.drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
