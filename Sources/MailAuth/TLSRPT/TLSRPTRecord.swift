package import DNSCore
import MailSyntax

/// Where a domain wants to hear how sessions with its hosts fared: what `_smtp._tls.example.org` has. // RFC 8460 §3
package struct TLSRPTRecord: Sendable, Hashable {
    /// `mailto:` and `https:` addresses, as they are written; at least one of any kind.
    package var uris: [String]

    static let mostURIs = 20
    private static let longest = 65_536

    /// nil where it is none, or has no address.
    package init?(parsing text: some Collection<UInt8>) {
        guard text.count <= Self.longest, let line = String(validating: text, as: UTF8.self) else { return nil }
        let fields = line.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        // RFC 8460 §3: with regard to case.
        guard fields.first == "v=TLSRPTv1" else { return nil }
        guard let list = fields.dropFirst().first(where: { $0.hasPrefix("rua=") })?.dropFirst(4) else { return nil }
        uris = list.split(separator: ",").prefix(Self.mostURIs).map { String(Self.trimmed($0)) }.filter { uri in
            uri.utf8.count <= 2048 && uri.contains(":") && uri.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
        guard !uris.isEmpty else { return nil }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }

    /// The record of a domain in A-labels; nil where there is none, or more than one. // RFC 8460 §3
    /// - Throws: a temporary failure.
    package static func find(
        _ domain: String, resolver: any DNSResolver
    ) async throws(DNSFailure) -> TLSRPTRecord? {
        switch await resolver.resolve("_smtp._tls.\(domain)", .txt) {
        case .failure(let failure):
            guard !failure.isTemporary else { throw failure }
            return nil
        case .success(let answer):
            let texts = answer.texts.filter { $0.starts(with: Array("v=TLSRPTv1".utf8)) }
            return texts.count == 1 ? texts.first.flatMap { TLSRPTRecord(parsing: $0) } : nil
        }
    }
}
