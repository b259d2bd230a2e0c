package import DNSCore
import MailAuth

/// What the DNS has under the name of one of our keys, compared with the key itself.
package enum KeySighting: Sendable, Hashable {
    /// Surely no record.
    case absent
    /// More than one record.
    case several(Int)
    /// One record, with which nothing that this key signs would be verified.
    case wrong(Fault)
    /// Exactly this key.
    case shown(isTesting: Bool)
    /// Nobody could say.
    case unanswered(String)
    /// This server of several has it not, or another one.
    indirect case elsewhere(String, KeySighting)

    package enum Fault: Sendable, Hashable {
        /// No key record; the text as it stands.
        case malformed([UInt8])
        case revoked
        case type(published: String, own: String)
        case cutOff
        case another
        case hashes([String])
        case services([String])
    }

    /// Whether a receiver that asks now can verify what the key signs.
    package var isShown: Bool {
        if case .shown = self { return true }
        return false
    }

    /// - Parameter record: the text of the TXT record that publishes our key.
    package init(_ answer: Result<DNSAnswer, DNSFailure>, record: String) {
        switch answer {
        case .failure(let failure): self = failure.isAbsence ? .absent : .unanswered("\(failure)")
        case .success(let answer): self.init(texts: answer.texts, record: record)
        }
    }

    /// - Parameter texts: of the TXT records under the key's name.
    package init(texts: [[UInt8]], record: String) {
        // RFC 6376 §3.6.2.2: what happens with several records is undefined.
        switch (texts.count, texts.first) {
        case (1, let text?): self = Self.compare(text, Array(record.utf8))
        case (0, _): self = .absent
        default: self = .several(texts.count)
        }
    }

    private static func compare(_ text: [UInt8], _ record: [UInt8]) -> KeySighting {
        guard let own = DKIMKeyRecord(parsing: record) else { return .unanswered("our own record can't be read") }
        guard let published = DKIMKeyRecord(parsing: text) else { return .wrong(.malformed(text)) }
        guard !published.publicKey.isEmpty else { return .wrong(.revoked) }
        guard published.keyType == own.keyType else {
            return .wrong(.type(published: published.keyType, own: own.keyType))
        }
        guard isSame(published.publicKey, own.publicKey) else {
            let isCut = own.publicKey.starts(with: published.publicKey.dropLast(3))
            return .wrong(isCut ? .cutOff : .another)
        }
        if let hashes = published.hashAlgorithms, !hashes.contains("sha256") { return .wrong(.hashes(hashes)) }
        if !published.serviceTypes.contains("*"), !published.serviceTypes.contains("email") {
            return .wrong(.services(published.serviceTypes))
        }
        return .shown(isTesting: published.isTesting)
    }

    /// The same octets, or the bare RSAPublicKey that stands at the end of our SubjectPublicKeyInfo, in its BIT STRING
    /// after the octet that counts unused bits: both forms are in use. // RFC 6376 §3.6.1, RFC 5280 §4.1
    private static func isSame(_ published: [UInt8], _ own: [UInt8]) -> Bool {
        if published == own { return true }
        let before = own.dropLast(published.count).last
        return published.count > 64 && published.first == 0x30 && before == 0
            && own.suffix(published.count).elementsEqual(published)
    }

    // MARK: Several servers

    /// What the answers of a zone's servers say together: all that know the zone must show the key, for nobody knows
    /// which of them a receiver asks. A server that can't be reached is asked by nobody.
    package static func together(_ answers: [(server: String, sighting: KeySighting)]) -> KeySighting {
        var seen: KeySighting?
        for (server, sighting) in answers {
            switch sighting {
            case .shown: seen = seen ?? sighting
            case .unanswered: continue
            default: return .elsewhere(server, sighting)
            }
        }
        return seen ?? .unanswered("none of the zone's servers answers")
    }

    /// In words, as the end of a sentence that begins with the record's name.
    package var words: String {
        switch self {
        case .absent: "no record"
        case .several(let count): "\(count) TXT records, where one must stand"
        case .wrong(let fault): fault.words
        case .shown: "the key"
        case .unanswered(let reason): "no answer: \(reason)"
        case .elsewhere(let server, let sighting): "\(server) says: \(sighting.words)"
        }
    }
}

extension KeySighting.Fault {
    /// What is wrong with the record, one clause.
    package var words: String {
        switch self {
        case .malformed(let text): "is no key record: \(Self.mistake(in: text))"
        case .revoked: "the key is revoked: p= is empty"
        case .type(let published, let own): "is of the type \(published.prefix(60)), while the server signs with \(own)"
        case .cutOff: "the key is cut off: some of its octets are missing"
        case .another: "is another key"
        case .hashes(let hashes):
            "h=\(hashes.joined(separator: ":").prefix(60)) forbids SHA-256, which the server signs with"
        case .services(let services):
            "s=\(services.joined(separator: ":").prefix(60)) says that the key is not for mail"
        }
    }

    /// The usual mistakes of panels and copying, in words.
    private static func mistake(in text: [UInt8]) -> String {
        let shown = String(decoding: text.prefix(60), as: UTF8.self)
        if text.contains(UInt8(ascii: "\"")) || text.contains(UInt8(ascii: "(")) {
            return "it holds quotes or parentheses of a zone file (\(shown)…)"
        }
        if text.contains(UInt8(ascii: "\\")) { return "it holds backslashes (\(shown)…)" }
        return "\(shown)…"
    }
}
