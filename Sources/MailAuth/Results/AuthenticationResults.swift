/// The content of an Authentication-Results field, or of its ARC form. // RFC 8601 §2.2
package struct AuthenticationResults: Sendable, Hashable {
    /// One method's result.
    package struct Entry: Sendable, Hashable {
        /// Lower-case, such as `dkim`.
        package var method: String
        /// nil for 1, which is what there is.
        package var methodVersion: Int?
        /// Lower-case, such as `pass`.
        package var result: String
        /// What to say beside it, for people; not read back.
        package var comment: String?
        package var reason: String?
        package var properties: [Property]

        package init(
            _ method: String,
            _ result: String,
            comment: String? = nil,
            reason: String? = nil,
            properties: [Property] = []
        ) {
            self.method = method
            self.result = result
            self.comment = comment
            self.reason = reason
            self.properties = properties
        }
    }

    /// What was looked at, such as `smtp.mailfrom=a@example.org`.
    package struct Property: Sendable, Hashable {
        /// Lower-case: `smtp`, `header`, `body`, `policy` …
        package var type: String
        /// Lower-case.
        package var name: String
        package var value: String

        package init(_ type: String, _ name: String, _ value: String) {
            self.type = type
            self.name = name
            self.value = value
        }
    }

    /// Who says so.
    package var authservID: String
    /// nil for 1, which is what there is.
    package var version: Int?
    /// Empty is written, and read, as `none`.
    package var entries: [Entry]

    package init(authservID: String, entries: [Entry] = []) {
        self.authservID = authservID
        self.entries = entries
    }

    /// The first entry of a method.
    package func entry(_ method: String) -> Entry? { entries.first { $0.method == method } }
}

extension AuthenticationResults {
    /// Octets of one value that are written; the rest of a stranger's words is left out, so that no line gets too long.
    static let maximumValue = 320

    /// The whole field, folded at blanks, with its CRLF.
    package func field(named name: String = "Authentication-Results") -> [UInt8] {
        Array("\(name): \(payload)\r\n".utf8)
    }

    /// What stands behind the field's name, folded, without the last CRLF. // RFC 8601 §2.2
    package var payload: String {
        var text = Self.value(authservID)
        if let version { text += " \(version)" }
        guard !entries.isEmpty else { return text + "; none" }
        for entry in entries {
            text += ";\r\n\t"
            var column = 8
            for (index, word) in entry.words.enumerated() {
                if index > 0 {
                    let fits = column + 1 + word.utf8.count <= 77
                    text += fits ? " " : "\r\n\t "
                    column = fits ? column + 1 : 9
                }
                text += word
                column += word.utf8.count
            }
        }
        return text
    }

    /// A value as a token where it is one, else quoted. // RFC 2045 §5.1
    static func value(_ text: String) -> String {
        let clean = cleaned(text)
        let isToken = !clean.isEmpty && clean.utf8.allSatisfy(ResultsReader.isToken)
        return isToken ? clean : quoted(clean)
    }

    /// A property's value, which may be an address or a domain with `@` as it stands.
    static func propertyValue(_ text: String) -> String {
        let clean = cleaned(text)
        let parts = clean.utf8.split(separator: 0x40, omittingEmptySubsequences: false)
        // RFC 8601 §2.2: [ [ local-part ] "@" ] domain-name
        let isAddress =
            parts.count == 2 && !parts[1].isEmpty && parts[0].allSatisfy(isDotAtom) && parts[1].allSatisfy(isDotAtom)
            && parts.allSatisfy { $0.first != 0x2E && $0.last != 0x2E }
        return isAddress ? clean : value(clean)
    }

    /// Text that fits into a comment: parentheses and backslashes would end or escape it.
    static func comment(_ text: String) -> String {
        let inside = cleaned(text).map { "()\\".contains($0) ? "_" : String($0) }.joined()
        return "(\(inside))"
    }

    /// Without control characters, which could begin another line, and not too long.
    private static func cleaned(_ text: String) -> String {
        var clean = ""
        var octets = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0xFFFD
            let character = isControl ? "?" : String(scalar)
            octets += character.utf8.count
            guard octets <= maximumValue else { break }
            clean += character
        }
        return clean
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for character in text.unicodeScalars {
            if character == "\"" || character == "\\" { out += "\\" }
            out.unicodeScalars.append(character)
        }
        return out + "\""
    }

    private static func isDotAtom(_ octet: UInt8) -> Bool {
        octet == 0x2E || (octet < 0x80 && ResultsReader.isToken(octet))
    }
}

extension AuthenticationResults.Entry {
    /// What is written, word by word: a line may be folded between two.
    fileprivate var words: [String] {
        let version = methodVersion.map { "/\($0)" } ?? ""
        var words = ["\(Self.keyword(method))\(version)=\(Self.keyword(result))"]
        if let comment { words.append(AuthenticationResults.comment(comment)) }
        if let reason { words.append("reason=\(AuthenticationResults.value(reason))") }
        for property in properties {
            words.append(
                "\(Self.keyword(property.type)).\(Self.keyword(property.name))="
                    + AuthenticationResults.propertyValue(property.value))
        }
        return words
    }

    /// Letters, digits and hyphens. // RFC 5321 §4.1.2 (Keyword)
    private static func keyword(_ text: String) -> String {
        String(
            decoding: text.utf8.map { octet in
                let isWord =
                    (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet | 0x20) || octet == 0x2D
                    || octet == 0x5F
                return isWord ? octet : 0x2D
            }, as: UTF8.self)
    }
}
