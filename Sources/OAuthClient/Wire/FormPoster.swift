import MailSyntax
package import SASLCore

/// An answer of an endpoint.
package struct EndpointAnswer: Sendable {
    package var status: Int
    package var body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Sends forms to endpoints.
package protocol FormPoster: Sendable {
    /// One POST, with one answer; redirects are answers too.
    ///
    /// - Parameters:
    ///   - form: names and values; secrets among them.
    ///   - caFile: PEM file of authorities instead of the system's.
    /// - Throws: `TokenFailure` in words, without anything of the form.
    func post(_ url: String, _ form: FormFields, caFile: String?) async throws(TokenFailure) -> EndpointAnswer
}

/// Names and values of a form, in order; never shown. // RFC 6749 §B
package struct FormFields: Sendable, CustomStringConvertible, CustomReflectable {
    package private(set) var fields: [(name: String, value: String)] = []
    /// Who asks, where it does not stand in the form. // RFC 6749 §2.3.1
    package var basic: Basic?

    /// A client's name and secret for the Authorization field.
    package struct Basic: Sendable {
        package var name: String
        package var secret: Secret

        package init(name: String, secret: Secret) {
            self.name = name
            self.secret = secret
        }

        /// The field's value.
        package var header: String {
            let secret = String(decoding: secret.bytes, as: UTF8.self)
            return "Basic " + Base64.encode("\(FormFields.escape(name)):\(FormFields.escape(secret))".utf8)
        }
    }

    package init(_ fields: KeyValuePairs<String, String> = [:]) {
        self.fields = fields.map { ($0.key, $0.value) }
    }

    package mutating func add(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { fields.append((name, value)) }
    }

    package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    package var description: String { fields.map { "\($0.name)=•••" }.joined(separator: "&") }
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }

    /// `application/x-www-form-urlencoded`.
    package var encoded: String {
        fields.map { "\(Self.escape($0.name))=\(Self.escape($0.value))" }.joined(separator: "&")
    }

    package static func escape(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                escaped += hex.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return escaped
    }

    /// The text of `%41%42+`; nil when an escape is broken or the octets are no UTF-8.
    package static func unescape(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
                rest = rest.dropFirst(2)
                bytes.append(value)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
