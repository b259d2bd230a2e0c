import MailMessage
import Testing

@Suite("Conversion for a narrower path")
struct TransferConverterTests {
    static func convert(_ message: [UInt8], to path: TransferPath = .sevenBit) throws -> [UInt8] {
        let converter = try TransferConverter(to: path, size: message.count) { range in
            Array(message[min(range.lowerBound, message.count)..<min(range.upperBound, message.count)])
        }
        var out: [UInt8] = []
        try converter.write { out += $0 }
        return out
    }

    static func convert(_ message: String, to path: TransferPath = .sevenBit) throws -> String {
        String(decoding: try convert(Array(message.utf8), to: path), as: UTF8.self)
    }

    /// The decoded bodies of all leaves.
    static func leaves(_ message: [UInt8]) -> [[UInt8]] {
        func collect(_ part: MIMEPart) -> [[UInt8]] {
            guard part.children.isEmpty else { return part.children.flatMap(collect) }
            return [PartDecoder.decode(Array(message[part.bodyRange]), transferEncoding: part.transferEncoding)]
        }
        return collect(MessageIndex(scanning: message).structure)
    }

    @Test("A message that fits is not touched")
    func identity() throws {
        let message = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n"
        #expect(try Self.convert(message) == message)
        let eight = "Content-Type: text/plain\r\n\r\nGrüße\r\n"
        #expect(try Self.convert(eight, to: .eightBit) == eight)
    }

    @Test("Text becomes quoted-printable and its label says so")
    func text() throws {
        let message = """
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=utf-8\r
            content-transfer-encoding : \r
             8bit\r
            Subject: x\r
            \r
            Grüße = gut \r
            From here\r

            """
        #expect(
            try Self.convert(message) == """
                MIME-Version: 1.0\r
                Content-Type: text/plain; charset=utf-8\r
                Subject: x\r
                Content-Transfer-Encoding: quoted-printable\r
                \r
                Gr=C3=BC=C3=9Fe =3D gut=20\r
                =46rom here\r

                """)
    }

    @Test("A message from before MIME gets the fields that make it readable", arguments: [true, false])
    func beforeMIME(_ isUTF8: Bool) throws {
        let message =
            Array("Subject: x\r\n\r\nGr".utf8) + (isUTF8 ? [0xC3, 0xBC] : [0xFC]) + Array("n is long\r\n".utf8)
        let text = String(decoding: try Self.convert(message), as: UTF8.self)
        #expect(text.contains("MIME-Version: 1.0\r\n"))
        #expect(text.contains("charset=\(isUTF8 ? "utf-8" : "unknown-8bit")\r\n"))
        #expect(text.contains(isUTF8 ? "Gr=C3=BCn" : "Gr=FCn"))
    }

    static let tree = """
        MIME-Version: 1.0\r
        Content-Type: multipart/mixed; boundary=outer\r
        Content-Transfer-Encoding: binary\r
        \r
        préamble\r
        --outer\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: 8bit\r
        \r
        Wörter und mehr Wörter, deren meiste ASCII sind.\r
        --outer\r
        Content-Type: application/octet-stream\r
        Content-Transfer-Encoding: binary\r
        \r
        \u{0}\u{1}é\n\r\u{7f}\r
        --outer\r
        Content-Type: message/rfc822\r
        Content-Transfer-Encoding: 8bit\r
        \r
        Subject: inner\r
        MIME-Version: 1.0\r
        Content-Type: multipart/alternative; boundary=inner\r
        Content-Transfer-Encoding: 8bit\r
        \r
        --inner\r
        Content-Type: text/html; charset=utf-8\r
        \r
        <p>é and enough plain text around it</p>\r
        --inner--\r
        \r
        --outer\r
        Content-Type: image/png\r
        Content-Transfer-Encoding: base64\r
        \r
        AAECAw==\r
        --outer--\r
        épilogue\r

        """

    @Test("Each part of a tree is encoded, decodes to the same, and nothing is wider than the path")
    func treeOfParts() throws {
        let message = Array(Self.tree.utf8)
        for path in [TransferPath.sevenBit, .eightBit] {
            let out = try Self.convert(message, to: path)
            #expect(Self.leaves(out) == Self.leaves(message))
            #expect(!out.contains(0))
            #expect(path == .eightBit || !out.contains { $0 >= 0x80 })
            let text = String(decoding: out, as: UTF8.self)
            #expect(!text.contains("binary"))
            #expect(path == .eightBit || !text.contains("8bit"))
            #expect(text.contains("image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--outer--"))
            #expect(!zip(out, out.dropFirst()).contains { ($0 == 13) != ($1 == 10) })
            // Once is enough.
            #expect(try Self.convert(out, to: path) == out)
        }
    }

    @Test(
        "Large bodies go in pieces and come out the same, in lines of 76 octets", arguments: [1, 57, 65_535, 200_001])
    func large(_ size: Int) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) } + [0, 0x80]
        let head = "MIME-Version: 1.0\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        let out = try Self.convert(Array(head.utf8) + body)
        #expect(Self.leaves(out) == [body])
        #expect(out.split(separator: 10).allSatisfy { $0.count <= 80 })
    }

    @Test("A soft break makes no boundary")
    func softBreak() throws {
        let line = String(repeating: "ü", count: 3) + String(repeating: "x", count: 57) + "--b and more"
        let message = """
            Content-Type: multipart/mixed; boundary=b\r
            \r
            --b\r
            Content-Type: text/plain; charset=utf-8\r
            \r
            \(line) xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r
            --b--\r

            """
        let out = try Self.convert(Array(message.utf8))
        #expect(Self.leaves(out) == Self.leaves(Array(message.utf8)))
    }

    @Test("What can't be converted without harm is refused")
    func refused() {
        let signed = """
            Content-Type: multipart/signed; boundary=b\r
            \r
            --b\r
            Content-Type: text/plain\r
            \r
            é\r
            --b\r
            Content-Type: application/pgp-signature\r
            \r
            x\r
            --b--\r

            """
        #expect(throws: ConversionError.signed) { try Self.convert(signed) }
        let partial = "Content-Type: message/partial; id=a; number=1\r\n\r\né\r\n"
        #expect(throws: ConversionError.forbidden(type: "message/partial")) { try Self.convert(partial) }
        let lies = "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\né\r\n"
        #expect(throws: ConversionError.mislabelled(encoding: "base64")) { try Self.convert(lies) }
        let broken = "Content-Type: multipart/mixed\r\n\r\né\r\n"
        #expect(throws: ConversionError.structure) { try Self.convert(broken) }
    }

    @Test("Any cut or change of a message is converted or refused, and never let through wide")
    func mangled() {
        let message = Array(Self.tree.utf8)
        var generator = SystemRandomNumberGenerator()
        for step in 0..<300 {
            var bytes = Array(message.prefix(step * message.count / 200))
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let out = try? Self.convert(bytes) else { continue }
            let body = MessageIndex(scanning: out).structure.bodyRange
            guard MessageIndex(scanning: out).structure.children.isEmpty else { continue }
            #expect(!out[body].contains { $0 >= 0x80 }, "\(bytes)")
        }
    }
}
