/// Which fields of a header a signature covers.
package struct SignedFields: Sendable, Hashable {
    private struct Name: Sendable, Hashable {
        var text: String
        var folded: String

        init(_ text: String) {
            self.text = text
            folded = text.lowercased()
        }
    }

    /// Signed when present, and signed once more than present, so that nobody can add another. // RFC 6376 §8.15
    package static let usuallyOversigned = [
        "From", "Subject", "Date", "To", "Cc", "Reply-To", "Message-ID", "In-Reply-To", "References", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding",
    ]
    /// Signed as often as present. // RFC 6376 §5.4.1
    package static let usuallySigned = [
        "Sender", "Content-ID", "Content-Description", "Content-Disposition", "Resent-Date", "Resent-From",
        "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe",
        "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Autocrypt",
        "Auto-Submitted", "TLS-Report-Domain", "TLS-Report-Submitter",
    ]
    /// A field name is signed at most this often; a header with more of one name is refused by whoever reads it.
    private static let maximumInstances = 50

    package static let usual = SignedFields()

    private let oversigned: [Name]
    private let signed: [Name]

    /// - Parameters:
    ///   - oversigned: names that are signed once more than they are there; nil for the usual ones.
    ///   - signed: names that are signed as often as they are there; nil for the usual ones. `From` is signed in any
    ///     case, and a name that is in both lists counts as oversigned.
    package init(oversigned: [String]? = nil, signed: [String]? = nil) {
        var seen: Set<String> = []
        func names(_ texts: [String]) -> [Name] {
            texts.map(Name.init).filter { seen.insert($0.folded).inserted }
        }
        self.oversigned = names(oversigned ?? Self.usuallyOversigned)
        // RFC 6376 §5.4
        self.signed = names((signed ?? Self.usuallySigned) + ["From"])
    }

    /// The names for `h=`, in order.
    ///
    /// - Parameter alsoSigned: names that are signed as often as present.
    func names(in header: RawHeader, alsoSigned: [String] = []) -> [String] {
        var names: [String] = []
        for name in oversigned {
            let count = min(header.count(of: name.folded), Self.maximumInstances)
            for _ in 0...count { names.append(name.text) }
        }
        for name in signed + alsoSigned.map(Name.init) {
            let count = min(header.count(of: name.folded), Self.maximumInstances)
            for _ in 0..<count { names.append(name.text) }
        }
        return names
    }
}
