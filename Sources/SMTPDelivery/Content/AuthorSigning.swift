import MailAuth
import MailMessage
import MailPolicy
import MailSyntax

/// Who signs a message whose signature speaks for an author: whoever does for the `From` that it leaves with, where that
/// was rewritten, and otherwise for the author as it was accepted.
struct AuthorSigning: Sendable {
    let author: EmailAddress
    /// The keys of an author; nil where none sign.
    let signer: @Sendable (EmailAddress) async throws -> DKIMSigner?

    /// For ``MessageContent/prepare(_:reader:signer:choose:clock:spool:change:)``.
    func choose(
        _ before: ArraySlice<UInt8>, _ after: ArraySlice<UInt8>
    ) async throws -> (signer: DKIMSigner?, steps: [TraceStep]) {
        if let final = rewritten(before, after), let signer = try await signer(final) {
            return (signer, [.signing(author, rewrittenTo: final)])
        }
        if let signer = try await signer(author) { return (signer, []) }
        guard let domain = author.domain else { return (nil, []) }
        return (nil, [.signing(domain, selectors: [])])
    }

    /// The author in the header, where it was the one that is spoken for and is another now.
    private func rewritten(_ before: ArraySlice<UInt8>, _ after: ArraySlice<UInt8>) -> EmailAddress? {
        guard before != after, let old = Self.author(of: before), old.folded == author.folded,
            let new = Self.author(of: after), new.folded != old.folded
        else { return nil }
        return new
    }

    private static func author(of header: ArraySlice<UInt8>) -> EmailAddress? {
        guard let field = HeaderBlock(parsing: Array(header)).first("From") else { return nil }
        for entry in AddressListParser.parse(field.rawValue, limit: 10) where entry.isComplete {
            guard let mailbox = entry.mailbox, let host = entry.host else { continue }
            return EmailAddress(bytes: mailbox + [UInt8(ascii: "@")] + host)
        }
        return nil
    }
}

extension DKIMSigner {
    /// What its keys do with a message that leaves, a step for each domain and place of keys.
    func steps(isLeftOut: Bool) -> [TraceStep] {
        var groups: [(domain: DomainName, origin: String, selectors: [String])] = []
        for key in keys {
            let domain = key.domain ?? domain
            if let index = groups.firstIndex(where: { $0.domain == domain && $0.origin == key.origin }) {
                groups[index].selectors.append(key.selector)
            } else {
                groups.append((domain, key.origin, [key.selector]))
            }
        }
        return groups.map { .signing($0.domain, selectors: $0.selectors, origin: $0.origin, isLeftOut: isLeftOut) }
    }
}
