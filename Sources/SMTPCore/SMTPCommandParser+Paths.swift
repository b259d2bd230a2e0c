import MailSyntax

// MAIL and RCPT: paths and parameters.
extension SMTPCommandParser {
    // RFC 5321 §4.1.1.2
    func mail(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> SMTPSender {
        let (path, parameters) = try split(argument, keyword: "FROM:", usage: "Syntax: MAIL FROM:<address>")
        let isInternationalized = path.contains { $0 >= 0x80 }
        guard let path = Self.path(path) else {
            throw .arguments(SMTPReply(501, .init(5, 1, 7), "Bad sender address syntax"))
        }
        var sender = SMTPSender(path: path)
        sender.isInternationalized = isInternationalized
        for parameter in try Self.parameters(parameters) {
            guard try apply(parameter, to: &sender) else { throw Self.unsupported(parameter.name) }
        }
        return sender
    }

    // RFC 5321 §4.1.1.3
    func rcpt(_ argument: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> SMTPRecipient {
        let (path, parameters) = try split(argument, keyword: "TO:", usage: "Syntax: RCPT TO:<address>")
        let isInternationalized = path.contains { $0 >= 0x80 }
        guard let path = Self.path(path), path != .null else {
            throw .arguments(SMTPReply(501, .init(5, 1, 3), "Bad recipient address syntax"))
        }
        var recipient = SMTPRecipient(path: path)
        recipient.isInternationalized = isInternationalized
        for parameter in try Self.parameters(parameters) {
            guard try apply(parameter, to: &recipient) else { throw Self.unsupported(parameter.name) }
        }
        return recipient
    }

    struct Parameter {
        var name: String
        var value: ArraySlice<UInt8>?
    }

    // RFC 5321 §4.1.1.11
    private static func unsupported(_ name: String) -> SMTPSyntaxError {
        .arguments(SMTPReply(555, .init(5, 5, 4), "Unsupported option: \(name)"))
    }

    private func apply(_ parameter: Parameter, to sender: inout SMTPSender) throws(SMTPSyntaxError) -> Bool {
        switch (parameter.name, parameter.value) {
        case ("SIZE", let value?):  // RFC 1870 §6.1
            guard let size = Self.size(value) else {
                throw .arguments(.badArguments("Bad SIZE value"))
            }
            sender.size = size > 0 ? size : nil
        case ("BODY", let value?):  // RFC 6152 §2, RFC 3030 §3
            let word = Self.keyword(value)
            guard let body = SMTPBodyType(rawValue: word) else {
                throw .arguments(.badArguments("Bad BODY value"))
            }
            sender.body = body
        case ("SIZE", nil), ("BODY", nil):
            throw .arguments(.badArguments("\(parameter.name) needs a value"))
        case ("SMTPUTF8", let value):  // RFC 6531 §3.4
            guard value == nil else { throw .arguments(.badArguments("SMTPUTF8 takes no value")) }
            sender.smtpUTF8 = true
        case ("REQUIRETLS", let value) where offersRequireTLS:  // RFC 8689 §2
            guard value == nil else { throw .arguments(.badArguments("REQUIRETLS takes no value")) }
            sender.requiresTLS = true
        case ("AUTH", let value?) where offersAuthentication:  // RFC 4954 §5
            guard let text = Self.xtext(value) else { throw .arguments(.badArguments("Bad AUTH value")) }
            sender.authSender = text == "<>" ? "" : text
        case ("RET", let value) where offersDSN:
            sender.dsnReturn = try Self.dsnReturn(value)
        case ("ENVID", let value) where offersDSN:
            sender.envelopeID = try Self.envelopeID(value)
        case ("HOLDFOR", let value) where offersFutureRelease:
            sender.release = try Self.release(try Self.holdFor(value), besides: sender.release)
        case ("HOLDUNTIL", let value) where offersFutureRelease:
            sender.release = try Self.release(try Self.holdUntil(value), besides: sender.release)
        default:
            return false
        }
        return true
    }

    private func apply(_ parameter: Parameter, to recipient: inout SMTPRecipient) throws(SMTPSyntaxError) -> Bool {
        switch (parameter.name, parameter.value) {
        case ("NOTIFY", let value) where offersDSN:
            recipient.notify = try Self.notify(value)
        case ("ORCPT", let value) where offersDSN:
            recipient.originalRecipient = try Self.originalRecipient(value)
        default:
            return false
        }
        return true
    }

    /// A number of up to 20 digits; one beyond 18 of them is taken for the largest of 18, which nobody has room for.
    private static func size(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.count <= 20 else { return nil }
        let significant = digits.drop { $0 == 48 }
        if significant.isEmpty { return digits.isEmpty ? nil : 0 }
        guard significant.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return number(significant, digits: 18) ?? 999_999_999_999_999_999
    }

    /// Splits "FROM:<path> parameters" into what stands in the brackets and what follows.
    private func split(
        _ argument: ArraySlice<UInt8>,
        keyword: String,
        usage: String
    ) throws(SMTPSyntaxError) -> (path: ArraySlice<UInt8>, parameters: ArraySlice<UInt8>) {
        guard Self.keyword(argument.prefix(keyword.utf8.count)) == keyword else {
            throw .arguments(.badArguments(usage))
        }
        var rest = argument.dropFirst(keyword.utf8.count)
        if workarounds.contains(.spaceAfterColon) { rest = rest.drop { $0 == 0x20 } }
        guard rest.first == UInt8(ascii: "<"), let close = Self.closingBracket(rest) else {
            throw .arguments(.badArguments(usage))
        }
        let parameters = rest[(close + 1)...]
        guard parameters.isEmpty || parameters.first == 0x20 else { throw .arguments(.badArguments(usage)) }
        return (rest[rest.index(after: rest.startIndex)..<close], parameters)
    }

    /// The `>` that ends a path; one inside a quoted local part doesn't.
    private static func closingBracket(_ bytes: ArraySlice<UInt8>) -> Int? {
        var isQuoted = false
        var isEscaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: ">"), !isQuoted {
                return index
            }
        }
        return nil
    }

    /// The inside of the brackets; nil when it is no path.
    static func path(_ bytes: ArraySlice<UInt8>) -> SMTPPath? {
        if bytes.isEmpty { return .null }
        var mailbox = bytes
        if bytes.first == UInt8(ascii: "@") {
            // RFC 5321 §4.1.1.3, RFC 5321 appendix C: source routes are accepted and dropped
            guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), isRoute(bytes[..<colon]) else { return nil }
            mailbox = bytes[(colon + 1)...]
        }
        if let address = EmailAddress(bytes: mailbox) { return .address(address) }
        let isAtom = mailbox.allSatisfy { byte in
            byte > 32 && byte < 127 && !"()<>[]:;@\\,\"".utf8.contains(byte)
        }
        guard mailbox.count == bytes.count, !mailbox.isEmpty, mailbox.count <= 64, isAtom,
            mailbox.first != UInt8(ascii: "."), mailbox.last != UInt8(ascii: ".")
        else { return nil }
        return .unqualified(String(decoding: mailbox, as: UTF8.self))
    }

    private static func isRoute(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).allSatisfy { hop in
            hop.first == UInt8(ascii: "@") && DomainName(String(decoding: hop.dropFirst(), as: UTF8.self)) != nil
        }
    }

    private static func parameters(_ bytes: ArraySlice<UInt8>) throws(SMTPSyntaxError) -> [Parameter] {
        var parameters: [Parameter] = []
        for word in bytes.split(separator: 0x20) {
            let equals = word.firstIndex(of: UInt8(ascii: "="))
            let name = word[..<(equals ?? word.endIndex)]
            let isKeyword = name.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 0x2D
            }
            let value = equals.map { word[($0 + 1)...] }
            guard !name.isEmpty, isKeyword, value?.isEmpty != true, parameters.count < 32 else {
                throw .arguments(.badArguments("Bad parameter syntax"))
            }
            let parameter = Parameter(name: Self.keyword(name), value: value)
            guard !parameters.contains(where: { $0.name == parameter.name }) else {
                throw .arguments(.badArguments("\(parameter.name) is given twice"))
            }
            parameters.append(parameter)
        }
        return parameters
    }
}
