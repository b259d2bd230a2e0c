import MailSyntax
import Testing

@testable import MailMessage

@Suite("Transfer encodings, piece by piece")
struct TransferDecoderTests {
    private static let texts = [
        "", "QUJD", "QUJDRA==QUI=", "QU JD\r\nRA", "Q", "====", "Q=UJD", "a=3Db", "a =\r\n b  \r\nc=", "x=4", "=",
        "=\r", "a\t \r\n\r\n",
        "=C3=\n=BC", "  ", "a=3d=3D=zz =",
    ]

    private func decode(_ octets: [UInt8], _ encoding: String?, cuts: [Int]) throws -> [UInt8] {
        var decoder = try #require(TransferDecoder(encoding))
        var out: [UInt8] = []
        var start = 0
        for cut in cuts + [octets.count] {
            out += decoder.decode(Array(octets[start..<cut]))
            start = cut
        }
        return out + decoder.finish()
    }

    @Test(
        "whole, in two pieces at every place, and octet by octet it is the same",
        arguments: ["base64", "quoted-printable", "8BIT"])
    func splits(encoding: String) throws {
        for text in Self.texts {
            let octets = Array(text.utf8)
            let whole = PartDecoder.decode(octets, transferEncoding: encoding)
            for cut in 0...octets.count {
                #expect(try decode(octets, encoding, cuts: [cut]) == whole, "\(text.debugDescription) at \(cut)")
            }
            #expect(try decode(octets, encoding, cuts: Array(octets.indices)) == whole, "\(text.debugDescription)")
        }
    }

    @Test("what is not known has no decoder, and parts that hold parts are not encoded")
    func unknown() {
        #expect(TransferDecoder("x-uuencode") == nil)
        var part = MIMEPart()
        part.transferEncoding = "base64"
        part.type = "multipart"
        var decoder = TransferDecoder(part)
        #expect(decoder?.decode([65]) == [65])
    }

    @Test("a line without end is not held back for ever")
    func endless() throws {
        var decoder = try #require(TransferDecoder("quoted-printable"))
        var out = 0
        for _ in 0..<100 { out += decoder.decode([UInt8](repeating: 0x61, count: 10_000)).count }
        #expect(out > 900_000)
        for filler in [UInt8(0x20), 0x3D] {
            for _ in 0..<100 { out += decoder.decode([UInt8](repeating: filler, count: 10_000)).count }
        }
        out += decoder.finish().count
        #expect(out <= 3_000_000)
    }
}
