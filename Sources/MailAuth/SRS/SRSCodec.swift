import Crypto
package import MailSyntax

/// The Sender Rewriting Scheme: an address of ours that holds a sender's, so that bounces find the way back.
///
/// `SRS0=hash=day=domain=local@ours` holds an address; `SRS1=hash=host==…@ours` one that another server has already
/// made, without growing at each hop. The hash is over what follows it, the day a count modulo 1024. What libsrs2 and
/// postsrsd make with the same secret is read too.
package struct SRSCodec: Sendable {
    package enum Reading: Sendable, Hashable {
        case address(EmailAddress)
        /// It isn't of this scheme.
        case none
        /// The hash is of none of our secrets.
        case forged
        /// Made longer ago than it is valid, or in the future.
        case expired
    }

    /// Characters of the hash that are written; 36 bits, of which nobody guesses the right ones at RCPT.
    private static let hashLength = 6
    /// Fewer are not read. Others write four.
    private static let shortestHash = 4
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    private static let separators: Set<Character> = ["=", "+", "-"]

    private let domain: DomainName
    private let keys: [SymmetricKey]
    private let validDays: Int

    /// - Parameters:
    ///   - secrets: the first one makes addresses, all verify them; none of them empty.
    ///   - validDays: 1…365.
    /// - Returns: nil without a secret.
    package init?(domain: DomainName, secrets: [[UInt8]], validDays: Int) {
        guard !secrets.isEmpty, secrets.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.domain = domain
        keys = secrets.map { SymmetricKey(data: $0) }
        self.validDays = max(1, min(validDays, 365))
    }

    /// The address that a sender's mail goes on from; nil where that would be too long for an address.
    package func forward(_ sender: EmailAddress, at now: Timestamp) -> EmailAddress? {
        guard let host = sender.domain?.ascii, let key = keys.first else { return nil }
        let local = sender.localPart
        switch Self.kind(of: local) {
        case .srs1(let words):
            return address("SRS1=\(hash(words.host + words.rest, key))=\(words.host)=\(words.rest)")
        case .srs0(let rest):
            return address("SRS1=\(hash(host + rest, key))=\(host)=\(rest)")
        case .plain:
            let day = Self.written(day: Self.day(now))
            return address("SRS0=\(hash(day + host + local, key))=\(day)=\(host)=\(local)")
        }
    }

    /// What an address of ours holds.
    package func reverse(_ address: EmailAddress, at now: Timestamp) -> Reading {
        guard address.domain == domain else { return .none }
        let local = address.localPart
        switch Self.kind(of: local) {
        case .plain: return .none
        case .srs1(let words):
            guard verifies(words.hash, words.host + words.rest) else { return .forged }
            guard let host = DomainName(words.host) else { return .none }
            return EmailAddress(Self.wire("SRS0\(words.rest)", host)).map { .address($0) } ?? .none
        case .srs0(let rest):
            // hash, day, domain, and a local part that may hold what parts them.
            let parts = rest.dropFirst().split(separator: "=", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, let host = DomainName(parts[2]) else { return .none }
            guard verifies(String(parts[0]), parts[1...].joined()) else { return .forged }
            guard let day = Self.read(day: parts[1]), isValid(day, now) else { return .expired }
            return EmailAddress(Self.wire(String(parts[3]), host)).map { .address($0) } ?? .none
        }
    }

    // MARK: Parts

    private enum Kind {
        case plain
        /// With its leading separator: `=hash=day=domain=local`.
        case srs0(String)
        case srs1(SRS1Words)
    }

    private struct SRS1Words {
        var hash: String
        var host: String
        /// What stood behind SRS0 at the first server, with its separator.
        var rest: String
    }

    private static func kind(of local: String) -> Kind {
        let name = EmailAddress.fold(String(local.prefix(4)))
        let rest = local.dropFirst(4)
        guard let separator = rest.first, separators.contains(separator) else { return .plain }
        switch name {
        case "srs0": return .srs0(String(rest))
        case "srs1":
            let parts = rest.dropFirst().split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let next = parts[2].first, separators.contains(next) else { return .plain }
            return .srs1(SRS1Words(hash: String(parts[0]), host: String(parts[1]), rest: String(parts[2])))
        default: return .plain
        }
    }

    private func address(_ local: String) -> EmailAddress? { EmailAddress(Self.wire(local, domain)) }

    private static func wire(_ local: String, _ domain: DomainName) -> String {
        "\(EmailAddress.wireForm(localPart: local))@\(domain)"
    }

    // MARK: Hashes

    /// Base64 of the HMAC over the text without regard to case: mail systems change it on the way.
    private func hash(_ text: String, _ key: SymmetricKey) -> String {
        var mac = HMAC<Insecure.SHA1>(key: key)
        mac.update(data: Array(text.lowercased().utf8))
        return String(Base64.encode(Array(mac.finalize())).prefix(Self.hashLength))
    }

    private func verifies(_ written: String, _ text: String) -> Bool {
        guard written.count >= Self.shortestHash else { return false }
        let given = Array(written.lowercased().utf8)
        return keys.contains { key in
            let own = Array(hash(text, key).lowercased().utf8).prefix(given.count)
            guard own.count == given.count else { return false }
            // All of them are looked at: how long it takes tells nothing.
            return zip(own, given).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        }
    }

    // MARK: Days

    private static func day(_ now: Timestamp) -> Int { Int(now.seconds / 86400) & 1023 }

    private static func written(day: Int) -> String {
        String(decoding: [digits[(day >> 5) & 31], digits[day & 31]], as: UTF8.self)
    }

    private static func read(day text: Substring) -> Int? {
        var day = 0
        guard text.utf8.count == 2 else { return nil }
        for byte in text.uppercased().utf8 {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            day = day << 5 | digit
        }
        return day
    }

    private func isValid(_ day: Int, _ now: Timestamp) -> Bool {
        let age = (Self.day(now) - day) & 1023
        // A clock that is a day behind elsewhere makes no harm.
        return age <= validDays || age == 1023
    }
}
