package import MailSyntax

/// XCLIENT: a proxy or filter that is trusted says on whose behalf it speaks (Postfix's XCLIENT_README).
///
/// An attribute that was not sent leaves what is known; one that is `[UNAVAILABLE]` or `[TEMPUNAVAIL]` is not known.
package struct SMTPXClient: Sendable, Hashable {
    package enum Attribute<Value: Sendable & Hashable>: Sendable, Hashable {
        case unavailable
        case value(Value)

        package var value: Value? {
            if case .value(let value) = self { return value }
            return nil
        }
    }

    /// NAME: the client's reverse name.
    package var name: Attribute<String>?
    /// ADDR
    package var address: Attribute<IPAddress>?
    /// PORT
    package var port: Attribute<Int>?
    /// PROTO: whether the client speaks ESMTP.
    package var isExtended: Bool?
    /// HELO: what it said of itself.
    package var helo: Attribute<String>?
    /// LOGIN: who has logged in.
    package var login: Attribute<String>?
    /// DESTADDR
    package var destinationAddress: Attribute<IPAddress>?
    /// DESTPORT
    package var destinationPort: Attribute<Int>?

    package init() {}

    /// Their names, as EHLO lists them.
    static let names = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"]

    /// Reads `NAME=… ADDR=…`.
    init(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) {
        let words = argument.split(separator: 0x20)
        guard !words.isEmpty else { throw Self.bad("Syntax: XCLIENT attribute=value…") }
        var seen: Set<String> = []
        for word in words {
            guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { throw Self.bad("Bad XCLIENT syntax") }
            let name = SMTPCommandParser.keyword(word[..<equals])
            guard Self.names.contains(name) else { throw Self.bad("Bad XCLIENT attribute name") }
            guard seen.insert(name).inserted else { throw Self.bad("\(name) is given twice") }
            guard let text = SMTPCommandParser.xtext(word[(equals + 1)...]), text.utf8.count <= 255, !text.isEmpty,
                set(name, text)
            else { throw Self.bad("Bad \(name) value") }
        }
    }

    private static func bad(_ text: String) -> SMTPSyntaxError { .arguments(.badArguments(text)) }

    /// False when it is no value of that attribute.
    private mutating func set(_ name: String, _ text: String) -> Bool {
        switch name {
        case "NAME": Self.read(&self.name, text) { DomainName($0)?.ascii }
        case "ADDR": Self.read(&address, text, Self.address)
        case "PORT": Self.read(&port, text, Self.port)
        case "HELO": Self.read(&helo, text) { $0.utf8.allSatisfy { $0 > 32 } ? $0 : nil }
        case "LOGIN": Self.read(&login, text) { $0 }
        case "DESTADDR": Self.read(&destinationAddress, text, Self.address)
        case "DESTPORT": Self.read(&destinationPort, text, Self.port)
        default: setProtocol(text)
        }
    }

    private mutating func setProtocol(_ text: String) -> Bool {
        guard ["SMTP", "ESMTP"].contains(text.uppercased()) else { return false }
        isExtended = text.uppercased() == "ESMTP"
        return true
    }

    private static func read<Value>(
        _ attribute: inout Attribute<Value>?, _ text: String, _ read: (String) -> Value?
    ) -> Bool {
        if ["[UNAVAILABLE]", "[TEMPUNAVAIL]"].contains(text.uppercased()) {
            attribute = .unavailable
        } else if let value = read(text) {
            attribute = .value(value)
        } else {
            return false
        }
        return true
    }

    private static func address(_ text: String) -> IPAddress? {
        text.uppercased().hasPrefix("IPV6:") ? IPAddress(text.dropFirst(5)) : IPAddress(text)
    }

    private static func port(_ text: String) -> Int? {
        SMTPCommandParser.number(Array(text.utf8)[...], digits: 5).flatMap { $0 <= 65535 ? $0 : nil }
    }
}
