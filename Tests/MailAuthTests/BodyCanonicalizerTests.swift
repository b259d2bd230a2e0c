import Crypto
import MailAuth
import MailSyntax
import Testing

@Suite("Body canonicalisation")
struct BodyCanonicalizerTests {
    static let cases: [(input: String, simple: String, relaxed: String)] = [
        ("", "\r\n", ""),
        ("\r\n", "\r\n", ""),
        ("\r\n\r\n\r\n", "\r\n", ""),
        ("a", "a\r\n", "a\r\n"),
        ("a\r\n", "a\r\n", "a\r\n"),
        ("a\r\n\r\n\r\n", "a\r\n", "a\r\n"),
        ("\r\na\r\n", "\r\na\r\n", "\r\na\r\n"),
        // RFC 6376 §3.4.5
        (" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"),
        (" \t \r\n", " \t \r\n", ""),
        ("a\r\n \t\r\n\r\n", "a\r\n \t\r\n", "a\r\n"),
        ("a \r\n\r\n \tb", "a \r\n\r\n \tb\r\n", "a\r\n\r\n b\r\n"),
        ("a\rb\r\n", "a\rb\r\n", "a\rb\r\n"),
        ("a\nb\r\n", "a\nb\r\n", "a\nb\r\n"),
        ("a\r\r\n", "a\r\r\n", "a\r\r\n"),
        ("a\r", "a\r\r\n", "a\r\r\n"),
        ("a  ", "a  \r\n", "a\r\n"),
    ]

    static func canonical(_ pieces: [ArraySlice<UInt8>], _ kind: DKIMCanonicalization) -> String {
        var canonicalizer = BodyCanonicalizer(kind)
        var output: [UInt8] = []
        for piece in pieces { canonicalizer.update(piece, to: &output) }
        canonicalizer.finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("The forms are those of the standard, however the body is cut", arguments: cases)
    func forms(_ test: (input: String, simple: String, relaxed: String)) {
        let input = Array(test.input.utf8)
        for (kind, expected) in [(DKIMCanonicalization.simple, test.simple), (.relaxed, test.relaxed)] {
            #expect(Self.canonical([input[...]], kind) == expected)
            #expect(Self.canonical(input.indices.map { input[$0...$0] }, kind) == expected)
            for cut in 0...input.count {
                #expect(Self.canonical([input[..<cut], input[cut...]], kind) == expected, "cut at \(cut)")
            }
        }
    }

    @Test("A long body is the same at once and octet by octet", arguments: DKIMCanonicalization.allCases)
    func long(_ kind: DKIMCanonicalization) {
        // Words of a line's length, with every neighbour of blanks and line ends somewhere in them.
        let words = ["word", "a", "it is", " ", "  ", "\t", "\r\n", "\r\n\r\n", "\r", "\n", "!", "-\r\nx", "éé"]
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        for round in 0..<1000 {
            var text = ""
            for _ in 0..<(round % 60) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count]
            }
            let input = Array(text.utf8)
            let whole = Self.canonical([input[...]], kind)
            #expect(whole == Self.canonical(input.indices.map { input[$0...$0] }, kind), "\(text.debugDescription)")
        }
    }

    @Test("Headers are those of RFC 6376 §3.4.5")
    func headers() {
        let fields = ["A: X\r\n", "B : Y\t\r\n\tZ  \r\n"].map { Array($0.utf8) }
        let relaxed = fields.map { String(decoding: DKIMCanonicalization.relaxed.header($0[...]), as: UTF8.self) }
        #expect(relaxed == ["a:X\r\n", "b:Y Z\r\n"])
        let simple = fields.map { String(decoding: DKIMCanonicalization.simple.header($0[...]), as: UTF8.self) }
        #expect(simple == ["A: X\r\n", "B : Y\t\r\n\tZ  \r\n"])
    }

    // RFC 6376 §3.4.3, RFC 6376 §3.4.4
    @Test("The hash of an empty body is the standard's")
    func emptyBody() {
        var simple = DKIMBodyHasher(.simple)
        var relaxed = DKIMBodyHasher(.relaxed)
        #expect(Base64.encode(simple.finish()) == "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")
        #expect(Base64.encode(relaxed.finish()) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    }

    @Test("A limit counts octets of the canonical form", arguments: [0, 1, 3, 4, 100])
    func limit(_ limit: Int) {
        var hasher = DKIMBodyHasher(.relaxed, limit: limit)
        hasher.update(Array("a  b\r\n".utf8))
        let expected = SHA256.hash(data: Array("a b\r\n".utf8.prefix(limit)))
        #expect(hasher.finish() == Array(expected))
        #expect(hasher.canonicalOctets == 5)
    }
}
