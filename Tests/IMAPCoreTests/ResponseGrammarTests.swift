import MailMessage
import NIOCore
import Testing

@testable import IMAPCore

/// A value of the response grammar, read as strictly as RFC 3501 §9 writes it.
enum WireValue: Equatable {
    case null
    case number(Int)
    case string([UInt8])
    case list([WireValue])

    struct Malformed: Error {
        let offset: Int
    }

    static func read(_ octets: [UInt8]) throws -> WireValue {
        var index = 0
        let value = try read(octets, &index)
        guard index == octets.count else { throw Malformed(offset: index) }
        return value
    }

    private static func read(_ octets: [UInt8], _ index: inout Int) throws -> WireValue {
        guard index < octets.count else { throw Malformed(offset: index) }
        switch octets[index] {
        case UInt8(ascii: "("): return try readList(octets, &index)
        case UInt8(ascii: "\""): return try readQuoted(octets, &index)
        case UInt8(ascii: "{"):
            let digits = octets[(index + 1)...].prefix { IMAPOctet.isDigit($0) }
            guard let size = Int(String(decoding: digits, as: UTF8.self)),
                octets[digits.endIndex...].starts(with: Array("}\r\n".utf8))
            else { throw Malformed(offset: index) }
            let start = digits.endIndex + 3
            guard start + size <= octets.count else { throw Malformed(offset: index) }
            index = start + size
            let content = Array(octets[start..<index])
            guard !content.contains(0) else { throw Malformed(offset: start) }
            return .string(content)
        default:
            let word = octets[index...].prefix { IMAPOctet.isAtomChar($0) }
            index = word.endIndex
            if word.elementsEqual("NIL".utf8) { return .null }
            guard let number = Int(String(decoding: word, as: UTF8.self)) else { throw Malformed(offset: index) }
            return .number(number)
        }
    }

    /// Bodies of a multipart and addresses of a list stand without a space between; anything else has one.
    private static func readList(_ octets: [UInt8], _ index: inout Int) throws -> WireValue {
        index += 1
        var values: [WireValue] = []
        while index < octets.count, octets[index] != UInt8(ascii: ")") {
            if octets[index] == UInt8(ascii: " ") {
                guard !values.isEmpty else { throw Malformed(offset: index) }
                index += 1
            } else if case .list? = values.last {
                guard octets[index] == UInt8(ascii: "(") else { throw Malformed(offset: index) }
            } else if !values.isEmpty {
                throw Malformed(offset: index)
            }
            values.append(try read(octets, &index))
        }
        guard index < octets.count, !values.isEmpty else { throw Malformed(offset: index) }
        index += 1
        return .list(values)
    }

    private static func readQuoted(_ octets: [UInt8], _ index: inout Int) throws -> WireValue {
        var content: [UInt8] = []
        index += 1
        while index < octets.count, octets[index] != UInt8(ascii: "\"") {
            if octets[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < octets.count, (0x20...0x7E).contains(octets[index]) else { throw Malformed(offset: index) }
            content.append(octets[index])
            index += 1
        }
        guard index < octets.count else { throw Malformed(offset: index) }
        index += 1
        return .string(content)
    }

    var elements: [WireValue] {
        if case .list(let values) = self { values } else { [] }
    }
}

@Suite struct ResponseGrammarTests {
    static func octets(_ generator: inout SeededGenerator) -> [UInt8]? {
        let spice = Array("ab \"\\(){}\r\n%*".utf8) + [0, 0x7F, 0xC3, 0xA9]
        guard Int.random(in: 0...3, using: &generator) > 0 else { return nil }
        return (0..<Int.random(in: 0...9, using: &generator)).map { _ in spice.randomElement(using: &generator) ?? 0 }
    }

    static func text(_ generator: inout SeededGenerator) -> String? {
        octets(&generator).map { String(decoding: $0, as: UTF8.self) }
    }

    static func addresses(_ generator: inout SeededGenerator) -> [EnvelopeAddress] {
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in
            EnvelopeAddress(
                name: octets(&generator), route: octets(&generator), mailbox: octets(&generator),
                host: octets(&generator))
        }
    }

    static func envelope(_ generator: inout SeededGenerator) -> Envelope {
        var envelope = Envelope()
        envelope.date = octets(&generator)
        envelope.subject = octets(&generator)
        envelope.from = addresses(&generator)
        envelope.sender = addresses(&generator)
        envelope.bcc = addresses(&generator)
        envelope.messageID = octets(&generator)
        return envelope
    }

    static func part(_ generator: inout SeededGenerator, depth: Int) -> MIMEPart {
        var part = MIMEPart()
        let kinds = [
            ("text", "html"), ("image", "png"), ("multipart", "mixed"), ("message", "rfc822"), ("message", "global"),
        ]
        (part.type, part.subtype) = kinds.randomElement(using: &generator) ?? ("text", "plain")
        if Bool.random(using: &generator) { part.parameters = [("name", text(&generator) ?? ""), ("x", "y")] }
        part.contentID = text(&generator)
        part.description = text(&generator)
        part.transferEncoding = text(&generator)
        part.md5 = text(&generator)
        if Bool.random(using: &generator) { part.disposition = .init(type: text(&generator) ?? "inline") }
        part.languages = (0..<Int.random(in: 0...2, using: &generator)).map { _ in text(&generator) ?? "de" }
        part.location = text(&generator)
        part.bodyRange = 10..<Int.random(in: 10...5000, using: &generator)
        guard depth > 0 else { return part }
        let count = part.type == "multipart" ? Int.random(in: 0...3, using: &generator) : part.isMessage ? 1 : 0
        part.children = (0..<count).map { _ in Self.part(&generator, depth: depth - 1) }
        if part.isMessage { part.embedded = .init(envelope: envelope(&generator)) }
        return part
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func envelopesAreAlwaysValid(_ seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<300 {
            var buffer = ByteBuffer()
            buffer.writeEnvelope(Self.envelope(&generator))
            let fields = try WireValue.read(Array(buffer.readableBytesView)).elements
            #expect(fields.count == 10)
            #expect(fields[2...7].allSatisfy { $0 == .null || $0.elements.allSatisfy { $0.elements.count == 4 } })
        }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func structuresAreAlwaysValid(_ seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<200 {
            let part = Self.part(&generator, depth: 3)
            for form in [ByteBuffer.StructureForm.basic, .extended] {
                for names in [IMAPNameEncoding.modifiedUTF7, .utf8] {
                    var buffer = ByteBuffer()
                    buffer.writeBodyStructure(part, form, names)
                    Self.check(try WireValue.read(Array(buffer.readableBytesView)), part, form, names)
                }
            }
        }
    }

    static func check(
        _ value: WireValue, _ part: MIMEPart, _ form: ByteBuffer.StructureForm, _ names: IMAPNameEncoding
    ) {
        let fields = value.elements
        if part.isMultipart {
            let bodies = max(1, part.children.count)
            #expect(fields.count == bodies + (form == .extended ? 5 : 1))
            for (field, child) in zip(fields, part.children) { check(field, child, form, names) }
            return
        }
        let showsMessage = part.isMessage && (part.subtype == "rfc822" || names == .utf8)
        let own = part.type == "text" ? 8 : showsMessage ? 10 : 7
        #expect(fields.count == own + (form == .extended ? 4 : 0))
        #expect(fields.count > 6 && fields[6] == .number(part.bodyRange.count))
        if own == 10 {
            #expect(fields[7].elements.count == 10)
            if let inner = part.children.first { check(fields[8], inner, form, names) }
        }
    }

    @Test(arguments: [7, 8] as [UInt64])
    func namesThatAreSentComeBack(_ seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        let scalars = Array("aZ0 &-\"\\%*(){}]/~+é日😀".unicodeScalars)
        for _ in 0..<500 {
            var path = ""
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                path.unicodeScalars.append(scalars.randomElement(using: &generator) ?? "a")
            }
            for encoding in [IMAPNameEncoding.modifiedUTF7, .utf8] {
                var encoder = IMAPResponseEncoder(nameEncoding: encoding)
                encoder.buffer.writeString("a SELECT ")
                encoder.write(name(path))
                let parser = IMAPParser(
                    nameEncoding: encoding, leniency: IMAPLeniency.default.subtracting(.trailingSeparator))
                let command = try parser.parse(Array(encoder.take().readableBytesView))
                #expect(command.body == .select(.init(mailbox: name(path))))
            }
        }
    }

    @Test(arguments: [9, 10] as [UInt64])
    func passwordsThatAreQuotedComeBack(_ seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<300 {
            let secret = (Self.octets(&generator) ?? []).filter { $0 != 0 }
            var buffer = ByteBuffer(string: "a LOGIN x ")
            buffer.writeAString(secret)
            let command = try IMAPParser().parse(Array(buffer.readableBytesView) + [0x0D, 0x0A])
            #expect(command.body == .login(.init(user: [0x78], password: secret)))
        }
    }
}
