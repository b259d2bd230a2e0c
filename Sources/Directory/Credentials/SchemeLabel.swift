import MailSyntax

/// The `{SCHEME.ENCODING}` in front of a stored password, and what follows it.
struct SchemeLabel {
    enum Encoding {
        case usual
        case hexadecimal
        case base64
    }

    /// Upper case, without the encoding.
    let name: String
    let encoding: Encoding
    let data: String

    /// A hash without a label counts as `{CRYPT}`, as the rows of docker-mailserver have it.
    init(_ stored: String) throws(PasswordHashError) {
        guard stored.hasPrefix("{") else {
            self.init(name: "CRYPT", encoding: .usual, data: stored)
            return
        }
        guard let end = stored.firstIndex(of: "}") else { throw .damaged(scheme: "?") }
        let label = stored[stored.index(after: stored.startIndex)..<end].uppercased()
        let data = String(stored[stored.index(after: end)...])
        guard label.utf8.count <= 40, label.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .damaged(scheme: "?")
        }
        if let suffix = [".HEX", ".B64", ".BASE64"].first(where: label.hasSuffix) {
            let encoding: Encoding = suffix == ".HEX" ? .hexadecimal : .base64
            self.init(name: String(label.dropLast(suffix.count)), encoding: encoding, data: data)
        } else {
            self.init(name: label, encoding: .usual, data: data)
        }
    }

    private init(name: String, encoding: Encoding, data: String) {
        self.name = name
        self.encoding = encoding
        self.data = data
    }

    /// The data of a scheme whose usual form is text.
    func text() throws(PasswordHashError) -> String {
        guard encoding != .usual else { return data }
        guard let text = String(validating: try octets(), as: UTF8.self) else { throw .damaged(scheme: name) }
        return text
    }

    func octets() throws(PasswordHashError) -> [UInt8] {
        let decoded: [UInt8]? =
            switch encoding {
            case .usual: Array(data.utf8)
            case .hexadecimal: Hexadecimal.decode(data)
            case .base64: Base64.decode(data.utf8)
            }
        guard let decoded else { throw .damaged(scheme: name) }
        return decoded
    }

    /// The data of a scheme whose usual form is base64; like Dovecot, takes hexadecimal of the exact length too.
    func digestOctets(length: Int) throws(PasswordHashError) -> [UInt8] {
        guard encoding == .usual else { return try octets() }
        if data.utf8.count == length * 2, let decoded = Hexadecimal.decode(data) { return decoded }
        guard let decoded = Base64.decode(data.utf8) else { throw .damaged(scheme: name) }
        return decoded
    }

    static let weak = "it is too weak to keep; set a new password"

    /// What an operator does about a scheme that is not verified here.
    var remedy: String {
        switch name {
        case "DES-CRYPT", "LANMAN", "NTLM", "PLAIN-MD4", "PLAIN-MD5", "LDAP-MD5", "SMD5", "PLAIN-TRUNC": Self.weak
        case "CRAM-MD5", "HMAC-MD5", "DIGEST-MD5", "RPA", "APOP":
            "it serves a login mechanism that is not offered; set a new password"
        case "OTP", "SKEY": "one-time passwords are not offered; set a new password"
        case "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS": "channel binding is not stored; use {SCRAM-SHA-256}"
        default: "use {CRYPT}, {SSHA512}, {PBKDF2}, {ARGON2ID} or {SCRAM-SHA-256}, or set a new password"
        }
    }
}

/// Hexadecimal digits in either case.
enum Hexadecimal {
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            guard let value = value(of: digit) else { return nil }
            if let upper = high {
                result.append(upper << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? result : nil
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
