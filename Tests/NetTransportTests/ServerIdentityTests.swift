import Crypto
import Foundation
import NIOCore
import Testing
import X509

@testable import NetTransport

/// What a TLS connection is known by.
@Suite struct ServerIdentityTests {
    /// A ClientHello with that server name, as handshake message.
    private static func hello(_ name: String?, extra: Int = 0) -> [UInt8] {
        var extensions = ByteBuffer()
        // A padding extension first, so that the name isn't the first one.
        extensions.writeInteger(UInt16(21))
        extensions.writeInteger(UInt16(extra))
        extensions.writeBytes([UInt8](repeating: 0, count: extra))
        if let name {
            let octets = Array(name.utf8)
            extensions.writeInteger(UInt16(0))
            extensions.writeInteger(UInt16(octets.count + 5))
            extensions.writeInteger(UInt16(octets.count + 3))
            extensions.writeInteger(UInt8(0))
            extensions.writeInteger(UInt16(octets.count))
            extensions.writeBytes(octets)
        }
        var body = ByteBuffer()
        body.writeInteger(UInt16(0x0303))
        body.writeBytes([UInt8](repeating: 7, count: 32))
        body.writeInteger(UInt8(0))
        body.writeInteger(UInt16(2))
        body.writeInteger(UInt16(0x1301))
        body.writeBytes([1, 0])
        body.writeInteger(UInt16(extensions.readableBytes))
        body.writeBuffer(&extensions)
        var message = ByteBuffer()
        message.writeInteger(UInt32(1) << 24 | UInt32(body.readableBytes))
        message.writeBuffer(&body)
        return Array(message.readableBytesView)
    }

    private static func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start -> [UInt8] in
            let piece = message[start..<min(start + size, message.count)]
            return [22, 3, 1, UInt8(piece.count >> 8), UInt8(piece.count & 255)] + piece
        }
    }

    @Test(arguments: [16_384, 100, 7], ["mail.example.com", nil] as [String?])
    func theNameIsReadHoweverTheHelloIsCut(record: Int, name: String?) {
        let octets = Self.records(Self.hello(name, extra: 300), of: record)
        for cut in 1..<octets.count {
            var reader = ClientHelloReader()
            reader.read(ByteBuffer(bytes: octets[..<cut]))
            #expect(!reader.isOver)
            reader.read(ByteBuffer(bytes: octets[cut...]))
            #expect(reader.isOver && reader.name == (name.map { .name($0) } ?? .absent))
        }
    }

    @Test func whatIsNoHelloGivesNoName() {
        for octets in [
            Array("GET / HTTP/1.1\r\n".utf8), [22, 3, 1, 0, 4, 2, 0, 0, 0], [22, 3, 1, 0, 5, 1, 0, 0, 1, 0],
            [UInt8](repeating: 22, count: 70_000),
        ] {
            var reader = ClientHelloReader()
            reader.read(ByteBuffer(bytes: octets))
            #expect(reader.name == nil)
        }
        let good = Self.records(Self.hello("a.example"), of: 16_384)
        for index in good.indices {
            for bit in 0..<8 {
                var octets = good
                octets[index] ^= 1 << bit
                var reader = ClientHelloReader()
                reader.read(ByteBuffer(bytes: octets))
            }
        }
    }

    @Test func theNameDecidesAmongSeveralCertificates() {
        let identities = ServerIdentities([
            .init(names: ["mail.example.com"], endPoint: [1]), .init(names: ["*.example.org"], endPoint: [2]),
            .init(names: ["old.example.net"], endPoint: nil),
        ])
        #expect(identities.dependsOnName)
        #expect(identities.endPoint(for: nil) == nil)
        #expect(identities.endPoint(for: .absent) == [1])
        #expect(identities.endPoint(for: .name("else.example")) == [1])
        #expect(identities.endPoint(for: .name("IMAP.example.org")) == [2])
        #expect(identities.endPoint(for: .name("old.example.net")) == nil)
        #expect(ServerIdentities([.init(names: [], endPoint: [3])]).endPoint(for: nil) == [3])
    }

    // RFC 5929 §4.1
    @Test func theDigestIsThatOfTheSignature() throws {
        let name = try DistinguishedName { CommonName("mail.example.com") }
        let key256 = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let key384 = Certificate.PrivateKey(P384.Signing.PrivateKey())
        let keyEd = Certificate.PrivateKey(Curve25519.Signing.PrivateKey())
        for (key, algorithm, length) in [
            (key256, Certificate.SignatureAlgorithm.ecdsaWithSHA256, 32), (key384, .ecdsaWithSHA384, 48),
            (key256, .ecdsaWithSHA512, 64), (keyEd, .ed25519, 0),
        ] {
            let certificate = try Certificate(
                version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Date.now,
                notValidAfter: Date.now.addingTimeInterval(86_400), issuer: name, subject: name,
                signatureAlgorithm: algorithm,
                extensions: .init(), issuerPrivateKey: key)
            let digest = ServerIdentities.endPoint(of: certificate, der: Array("der".utf8))
            #expect(digest?.count ?? 0 == length)
            if length == 32 { #expect(digest == Array(SHA256.hash(data: Array("der".utf8)))) }
        }
    }
}
