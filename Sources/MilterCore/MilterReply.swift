package import MailSyntax

/// A change that a milter wants, at the end of a message.
package enum MilterChange: Sendable, Hashable {
    /// Behind the last field. Values as they stand behind the colon, folded with CR LF.
    case addHeader(name: String, value: [UInt8])
    /// Before the field with this number, from 0; numbers past the end go behind the last.
    case insertHeader(index: Int, name: String, value: [UInt8])
    /// The field of this name with this number, from 1; nil removes it.
    case changeHeader(index: Int, name: String, value: [UInt8]?)
    /// A piece of a body that takes the place of the old one.
    case body([UInt8])
    case addRecipient(String)
    case removeRecipient(String)
    case changeSender(String)
    case quarantine(reason: String)
}

/// What a client is told because of a milter.
package struct MilterRefusal: Sendable, Hashable {
    package var code: Int
    package var enhanced: EnhancedStatusCode?
    package var text: String

    package static let rejected = MilterRefusal(
        code: 550, enhanced: EnhancedStatusCode(5, 7, 1), text: "Message rejected")
    package static let tempfailed = MilterRefusal(
        code: 451, enhanced: EnhancedStatusCode(4, 7, 1), text: "Service unavailable, try again later")
}

/// What a milter says to a step.
package enum MilterReply: Sendable, Hashable {
    case goOn
    /// Nothing more of this message, or connection, has to be shown.
    case accept
    case refuse(MilterRefusal)
    /// The message is taken and thrown away.
    case discard
    /// No more of the body.
    case skip
    /// It is still at work.
    case progress
    case change(MilterChange)

    /// - Throws: for what is no answer, and for changes that were not agreed on.
    package init(_ packet: MilterPacket, _ options: MilterOptions) throws(MilterError) {
        switch packet.letter {
        case UInt8(ascii: "c"): self = .goOn
        case UInt8(ascii: "a"): self = .accept
        case UInt8(ascii: "r"): self = .refuse(.rejected)
        case UInt8(ascii: "t"), UInt8(ascii: "4"), UInt8(ascii: "f"): self = .refuse(.tempfailed)
        case UInt8(ascii: "d"): self = .discard
        case UInt8(ascii: "s"): self = .skip
        case UInt8(ascii: "p"): self = .progress
        case UInt8(ascii: "y"): self = .refuse(try Self.refusal(packet))
        default: self = .change(try Self.change(packet, options))
        }
    }

    /// `550 5.7.1 text`, a line or several as SMTP writes them.
    private static func refusal(_ packet: MilterPacket) throws(MilterError) -> MilterRefusal {
        var reader = MilterReader(packet.data)
        let whole = String(decoding: reader.remainder(), as: UTF8.self)
        let lines = whole.split(whereSeparator: \.isNewline)
        guard let first = lines.first, let code = Int(first.prefix(3)), (400...599).contains(code) else {
            throw MilterError("it sent a reply without a code")
        }
        var enhanced: EnhancedStatusCode?
        let texts = lines.map { line in
            var text = line.dropFirst(4)
            let word = text.prefix { $0 != " " }
            if let status = EnhancedStatusCode(parsing: word), status.isTemporaryFailure == (code < 500) {
                enhanced = enhanced ?? status
                text = text.dropFirst(word.count + 1)
            }
            return text.filter { !$0.isNewline && ($0.asciiValue.map { $0 >= 0x20 && $0 < 0x7F } ?? true) }
        }
        let text = texts.joined(separator: " ")
        // The session goes on, so that 421, which ends it, would be a lie.
        return MilterRefusal(
            code: code == 421 ? 451 : code, enhanced: enhanced,
            text: text.isEmpty ? "Refused" : String(text.prefix(400)))
    }

    private static func change(_ packet: MilterPacket, _ options: MilterOptions) throws(MilterError) -> MilterChange {
        var reader = MilterReader(packet.data)
        func require(_ action: MilterActions) throws(MilterError) {
            guard options.actions.contains(action) else {
                throw MilterError("it made a change (`\(packet.shownLetter)`) that was not agreed on")
            }
        }
        switch packet.letter {
        case UInt8(ascii: "h"):
            try require(.addHeaders)
            return .addHeader(name: try name(&reader), value: try value(&reader, options))
        case UInt8(ascii: "i"):
            try require(.addHeaders)
            let index = Int(try reader.number())
            return .insertHeader(index: index, name: try name(&reader), value: try value(&reader, options))
        case UInt8(ascii: "m"):
            try require(.changeHeaders)
            let index = Int(try reader.number())
            let name = try name(&reader)
            let written = try reader.octets()
            let isRemoval = written.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            return .changeHeader(index: index, name: name, value: isRemoval ? nil : folded(written, options))
        case UInt8(ascii: "b"):
            try require(.changeBody)
            return .body(packet.data)
        case UInt8(ascii: "+"):
            try require(.addRecipients)
            return .addRecipient(try reader.text())
        case UInt8(ascii: "2"):
            try require(.addRecipientsWithParameters)
            return .addRecipient(try reader.text())
        case UInt8(ascii: "-"):
            try require(.removeRecipients)
            return .removeRecipient(try reader.text())
        case UInt8(ascii: "e"):
            try require(.changeSender)
            return .changeSender(try reader.text())
        case UInt8(ascii: "q"):
            try require(.quarantine)
            return .quarantine(reason: String(decoding: reader.remainder(), as: UTF8.self))
        default:
            throw MilterError("it sent the unknown packet `\(packet.shownLetter)`")
        }
    }

    private static func name(_ reader: inout MilterReader) throws(MilterError) -> String {
        let name = try reader.octets()
        // RFC 5322 §3.6.8
        guard !name.isEmpty, name.count < 1000, name.allSatisfy({ (33...126).contains($0) && $0 != 0x3A }) else {
            throw MilterError("it sent a field with a name that can't be one")
        }
        return String(decoding: name, as: UTF8.self)
    }

    private static func value(_ reader: inout MilterReader, _ options: MilterOptions) throws(MilterError) -> [UInt8] {
        folded(try reader.octets(), options)
    }

    /// Line ends of any kind become CR LF with a blank behind them: nothing in a value can begin another field.
    private static func folded(_ value: [UInt8], _ options: MilterOptions) -> [UInt8] {
        var out: [UInt8] = options.steps.contains(.leadingSpace) ? [] : [0x20]
        let lines = value.split(omittingEmptySubsequences: true) { $0 == 0x0A || $0 == 0x0D }
        for (number, line) in lines.enumerated() {
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) || number == 0 else { continue }
            if number > 0 {
                out += [0x0D, 0x0A]
                if line.first != 0x20, line.first != 0x09 { out.append(0x09) }
            }
            out += line
        }
        return out
    }
}
