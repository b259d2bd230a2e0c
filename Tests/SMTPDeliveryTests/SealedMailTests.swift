import Blobs
import Foundation
import MailAuth
import MailConfig
import MailMessage
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import Testing

@testable import SMTPDelivery

@Suite("Mail of strangers is sealed as it goes on")
struct SealedMailTests {
    private static let results =
        "mx.example.org;\r\n\tspf=fail smtp.mailfrom=a.example;\r\n\tdkim=pass header.d=a.example"
    private static let header =
        "Authentication-Results: \(results)\r\nReceived: from x\r\nFrom: a@a.example\r\nSubject: x\r\n"
        + "Date: Mon, 1 Jun 2026 10:00:00 +0000\r\n\r\n"
    private let key: DKIMSigningKey
    private let domain: DomainName

    init() throws {
        key = try DKIMSigningKey.generate(.rsaSHA256)
        domain = try #require(DomainName("example.org"))
    }

    private var signer: DKIMSigner {
        get throws {
            let other = try DKIMSigningKey.generate(.ed25519SHA256)
            return DKIMSigner(
                domain: domain, keys: [.init(selector: "ed1", key: other), .init(selector: "rsa1", key: key)])
        }
    }

    private func verifier(_ text: String) throws -> DKIMVerifier {
        let bytes = Array(text.utf8)
        let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        var verifier = DKIMVerifier(header: Array(bytes[..<end]), withARC: true)
        verifier.update(Array(bytes[end...]))
        verifier.finishBody()
        return verifier
    }

    private func chain(_ text: String, at time: Timestamp) throws -> ARCChain {
        try verifier(text).arcChain(
            answers: ["rsa1._domainkey.example.org": .records([Array(key.publicRecord.utf8)])], now: time)
    }

    /// The message as the next server gets it, and the steps of the attempt.
    private func sent(
        _ text: String, chain: String? = "none", capabilities: [String] = ["8BITMIME"], signer: DKIMSigner?,
        change: @Sendable @escaping (inout NewQueueEntry) -> Void = { _ in }
    ) async throws -> (text: String, steps: [String], time: Timestamp) {
        let server = try await ScriptedSMTPServer(.init { $0.capabilities = capabilities })
        let room = try DeliveryRoom()
        let seal = QueuedSeal(domain: domain, chain: chain, results: Self.results)
        let id = try await room.enqueue("b@one.example", from: "a@a.example", text: text) {
            $0.seal = seal
            change(&$0)
        }
        try await room.serve(room.settings(port: server.port), signer: { _ in signer }) { _ = await room.events.next() }
        let attempt = try #require(try await room.attempts(of: id).first)
        let steps = try JSONDecoder().decode([TraceStep].self, from: Data((attempt.steps ?? "[]").utf8))
        let data = try #require(server.messages.first?.data).replacing("\n", with: "\r\n")
        await server.stop()
        return (data, steps.filter { $0.stage != TraceStage.tls }.map(\.text), room.clock.now())
    }

    @Test(
        "with an RSA key, saying what was found, and changing nothing below",
        arguments: ["Hello\r\n.dot\r\n", String(repeating: "0123456789abcdef\r\n", count: 20_000)])
    func sealed(_ body: String) async throws {
        let (text, steps, time) = try await sent(Self.header + body, signer: try signer)
        #expect(
            text.hasPrefix("ARC-Seal: i=1; a=rsa-sha256; cv=none;\r\n d=example.org; s=rsa1;"), "\(text.prefix(300))")
        #expect(text.contains("\r\nARC-Authentication-Results: i=1; \(Self.results)\r\n"))
        #expect(text.hasSuffix(Self.header + body))
        #expect(!text.contains("DKIM-Signature"))
        #expect(steps == ["sealing/arc: d=example.org → s=rsa1, i=1, cv=none [directory]"])
        #expect(try chain(text, at: time).status == .pass)
    }

    @Test("hop after hop, and not behind a chain that has failed")
    func hops() async throws {
        var (text, _, time) = try await sent(Self.header + "Hello\r\n", signer: try signer)
        for hop in 2...3 {
            let received = "Received: from hop\(hop)\r\n" + text
            let next = try await sent(received, chain: try chain(received, at: time).keyword, signer: try signer)
            (text, time) = (next.text, next.time)
            #expect(text.hasPrefix("ARC-Seal: i=\(hop); a=rsa-sha256; cv=pass;"), "\(text.prefix(300))")
            let whole = try chain(text, at: time)
            #expect(whole.status == .pass && whole.links.count == hop && whole.oldestPass == 0)
        }
        let changed = text.replacing("Hello", with: "Goodbye")
        #expect(try chain(changed, at: time).status == .fail)
        let marked = try await sent(changed, chain: "fail", signer: try signer)
        #expect(marked.text.hasPrefix("ARC-Seal: i=4; a=rsa-sha256; cv=fail;"))
        let again = try await sent(marked.text, chain: "fail", signer: try signer)
        #expect(again.text == marked.text)
        let reason = "somebody has sealed the chain as failed"
        #expect(again.steps == ["sealing/arc: d=example.org (not sealed: \(reason)) [directory]"])
        let unchecked = try await sent(text, chain: nil, signer: try signer)
        #expect(unchecked.text == text && unchecked.steps.first?.contains("nobody has checked") == true)
    }

    @Test("not without an RSA key, which the history tells")
    func keyless() async throws {
        let only = try DKIMSigner(
            domain: domain, keys: [.init(selector: "ed1", key: DKIMSigningKey.generate(.ed25519SHA256))])
        for signer in [nil, only] {
            let (text, steps, _) = try await sent(Self.header + "Hello\r\n", signer: signer)
            #expect(text == Self.header + "Hello\r\n")
            #expect(
                steps == ["sealing/arc: d=example.org (not sealed: the domain has no active RSA key) [directory]"])
        }
    }

    @Test("and the log says so where the manifest names a domain that has no key")
    func keylessDomain() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        let seal = QueuedSeal(domain: domain, chain: nil, results: Self.results)
        for named in [false, true] {
            try await room.enqueue("b@one.example", text: Self.header) { $0.seal = seal }
            var settings = room.settings(port: server.port)
            if named { settings.configure { $0.authentication.sealing = .domain(seal.domain) } }
            try await room.serve(settings) { _ = await room.events.next() }
            #expect(room.log.lines.contains { $0.contains("leaves without a seal") } == named)
        }
        await server.stop()
    }

    @Test("over our own signature, and over what a host without 8BITMIME gets", arguments: [true, false])
    func converted(isSigned: Bool) async throws {
        let domain = domain
        let text = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        let (sent, steps, time) = try await sent(
            text + Self.header + "grün\r\n", capabilities: [], signer: try signer
        ) {
            $0.bodyType = .eightBitMIME
            if isSigned { $0.signFor = EmailAddress(localPart: "a", domain: domain) }
        }
        #expect(sent.utf8.allSatisfy { $0 < 0x80 })
        #expect(try chain(sent, at: time).status == .pass)
        #expect(steps.count == (isSigned ? 2 : 1))
        #expect(sent.contains("DKIM-Signature") == isSigned)
        let records = [Array(key.publicRecord.utf8)]
        let results = try verifier(sent).results(
            answers: ["rsa1._domainkey.example.org": .records(records)], now: time)
        #expect(results.contains { $0.result == .pass } == isSigned)
        if isSigned {
            let signed = try #require(sent.firstRange(of: "DKIM-Signature"))
            let seal = try #require(sent.firstRange(of: "ARC-Message-Signature"))
            #expect(seal.lowerBound < signed.lowerBound)
        }
    }

    @Test("octet for octet where the host takes binary mail")
    func binary() async throws {
        let text = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n" + Self.header + "a\rb\nc\u{0}"
        let room = try DeliveryRoom()
        try await room.enqueue("b@one.example", text: text) { $0.bodyType = .binaryMIME }
        let message = try #require(try await room.queue.list().first?.message)
        let sealer = try #require(ARCSealer(try signer))
        let content = try await MessageContent.prepare(
            message, reader: try room.blobs.open(message.blob, size: message.size), signer: nil,
            seal: MessageSeal(sealer: sealer, results: Self.results, chain: ARCChain.Status.none), clock: room.clock)
        #expect(!content.isSigned)
        let sent = String(decoding: content.prefix + (try await content.piece(at: 0)), as: UTF8.self)
        #expect(sent.hasSuffix(text))
        #expect(try chain(sent, at: room.clock.now()).status == .pass)
        let converted = try await content.converted(to: .eightBit)
        let other = String(decoding: converted.prefix + (try await converted.piece(at: 0)), as: UTF8.self)
        #expect(other.contains("Content-Transfer-Encoding: base64"))
        #expect(try chain(other, at: room.clock.now()).status == .pass)
    }
}
