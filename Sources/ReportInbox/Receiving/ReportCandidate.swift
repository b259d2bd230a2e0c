import MailAuth
import MailMessage
import MailSyntax

/// A message that may bring a report: which of its parts, and who vouches for it.
struct ReportCandidate: Sendable {
    struct Part: Sendable, Hashable {
        /// Octets of the message as stored.
        var range: Range<Int>
        var transferEncoding: String?
        var name: String?
    }

    /// Attachments of one message that are looked at.
    static let maximumParts = 8

    var parts: [Part]
    /// It says of itself that it is a report, so that what keeps it from being taken is worth a word.
    var isSaidToBe: Bool
    /// The domain in From.
    var sender: DomainName?
    var trust: ReportTrust
    /// Signatures were checked and none is the sender's.
    var lacksSignature: Bool

    /// nil for a message without such parts.
    /// - Parameter host: whose Authentication-Results are believed: this server's.
    init?(_ index: MessageIndex, host: String) {
        var parts: [Part] = []
        var isSaidToBe = false
        Self.collect(index.structure, &parts, &isSaidToBe)
        guard !parts.isEmpty else { return nil }
        self.parts = parts
        let header = HeaderBlock(parsing: index.headerBlock)
        let subject = header.first("Subject")?.text.lowercased() ?? ""
        // RFC 7489 §7.2.1.1, RFC 8460 §5.3
        let names = subject.contains("report domain") || header.first("TLS-Report-Domain") != nil
        self.isSaidToBe = isSaidToBe || names
        sender = (index.envelope.from.first { $0.isComplete }?.host).flatMap {
            DomainName(String(decoding: $0, as: UTF8.self))
        }
        (trust, lacksSignature) = Self.verdict(header, host: host, sender: sender)
    }

    private static func collect(_ part: MIMEPart, _ parts: inout [Part], _ isSaidToBe: inout Bool) {
        // What is in a message that is attached was sent to somebody else.
        guard !part.isMessage, parts.count < maximumParts else { return }
        guard part.children.isEmpty else {
            for child in part.children { collect(child, &parts, &isSaidToBe) }
            return
        }
        guard !part.isMultipart, !part.bodyRange.isEmpty else { return }
        let name = part.filename?.lowercased()
        let isTLS = part.type == "application" && ["tlsrpt+json", "tlsrpt+gzip"].contains(part.subtype)
        guard isTLS || isPacked(part.type, part.subtype) || name.map(hasReportSuffix) == true else { return }
        // RFC 7489 §7.2.1.1: receiver!domain!begin!end in the file's name.
        if isTLS || (name?.split(separator: "!").count ?? 0) >= 4 { isSaidToBe = true }
        parts.append(Part(range: part.bodyRange, transferEncoding: part.transferEncoding, name: part.filename))
    }

    private static func isPacked(_ type: String, _ subtype: String) -> Bool {
        switch type {
        case "application":
            ["gzip", "x-gzip", "zip", "x-zip", "x-zip-compressed", "xml", "x-gzip-compressed"].contains(subtype)
        case "text": subtype == "xml"
        default: false
        }
    }

    private static func hasReportSuffix(_ name: String) -> Bool {
        [".xml", ".xml.gz", ".xml.gzip", ".zip", ".gz", ".json", ".json.gz"].contains { name.hasSuffix($0) }
    }

    private static func verdict(
        _ header: HeaderBlock, host: String, sender: DomainName?
    ) -> (ReportTrust, lacksSignature: Bool) {
        // Only the server's own: whoever sent the message may have put others there.
        let ours = header.all("Authentication-Results").lazy.compactMap { AuthenticationResults(parsing: $0.rawValue) }
            .first { $0.authservID.lowercased() == host.lowercased() }
        guard let ours, let sender else { return (.none, false) }
        let signatures = ours.entries.filter { $0.method == "dkim" }
        let isSigned = signatures.contains { entry in
            guard entry.result == "pass",
                let domain = (entry.properties.first { $0.name == "d" }?.value).flatMap({ DomainName($0) })
            else { return false }
            return domain == sender || sender.isSubdomain(of: domain) || domain.isSubdomain(of: sender)
        }
        let passes = isSigned || ours.entry("dmarc")?.result == "pass"
        let isUndecided = signatures.isEmpty || signatures.contains { $0.result == "temperror" }
        return (passes ? .authenticated : .none, lacksSignature: !isSigned && !isUndecided)
    }
}
