import Foundation
import MailAuth
import MailSyntax

/// A message as strangers bring it: signed with RSA-2048, passed on and sealed by a list.
struct Specimen {
    /// A domain and its key.
    struct Signer {
        let domain: String
        let key: DKIMSigningKey
        let signer: DKIMSigner

        let selector: String

        init(_ domain: String, selector: String) throws {
            guard let name = DomainName(domain) else { throw BenchError(description: "\(domain) is no domain") }
            self.domain = domain
            key = try DKIMSigningKey.generate(.rsaSHA256)
            signer = DKIMSigner(domain: name, keys: [.init(selector: selector, key: key)])
            self.selector = selector
        }

        var keyName: String { "\(selector)._domainkey.\(domain)" }
    }

    static let client = "127.0.0.1"
    static let helo = "out.sender.example"
    static let sender = "bounce@sender.example"

    let author: Signer
    let list: Signer
    /// Of the author.
    let signature: [UInt8]
    let seals: [UInt8]
    /// Without the fields above.
    let header: [UInt8]
    let body: [UInt8]
    let now: Timestamp

    init(octets: Int) throws {
        let line = Array("It is a truth universally acknowledged, that a single man in possession of\r\n".utf8)
        let body = Array(repeatElement(line, count: max(1, octets / line.count)).joined())
        // Several messages can be there at once, each with keys of its own.
        author = try Signer("sender.example", selector: "bench\(octets)")
        list = try Signer("lists.example", selector: "bench\(octets)")
        self.body = body
        header = Array(Self.text.utf8)
        now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        var hasher = author.signer.bodyHasher
        hasher.update(body)
        let hash = hasher.finish()
        signature = try author.signer.sign(header: header, bodyHash: hash, at: now)
        guard let listDomain = DomainName(list.domain) else { throw BenchError(description: "no domain") }
        let sealer = ARCSealer(domain: listDomain, key: .init(selector: list.selector, key: list.key))
        let found = AuthenticationResults(authservID: "mx.lists.example", entries: []).payload
        seals = try sealer.seal(
            header: signature + header, bodyHash: hash, results: found, status: ARCChain.Status.none, at: now
        ).fields
    }

    var wholeHeader: [UInt8] { seals + signature + header + [0x0D, 0x0A] }

    /// What the domains publish, in zone-file form.
    var records: [String] {
        var texts = [
            ("sender.example", "v=spf1 include:_spf.sender.example -all"),
            ("_spf.sender.example", "v=spf1 ip4:192.0.2.0/24 ip4:\(Self.client) a:out.sender.example ~all"),
            (Self.helo, "v=spf1 a -all"),
            ("_dmarc.sender.example", "v=DMARC1; p=reject; rua=mailto:dmarc@sender.example"),
        ]
        for one in [author, list] { texts.append((one.keyName, one.key.publicRecord)) }
        let records = texts.map { name, text in
            "\(name). 3600 IN TXT \(DKIMKeyRecord.zoneFileStrings(text).filter { !"()\n".contains($0) })"
        }
        return records + ["\(Self.helo). 3600 IN A \(Self.client)"]
    }

    /// Writes `message.eml` and `records`.
    func write(to folder: String) throws {
        try Data(wholeHeader + body).write(to: URL(filePath: "\(folder)/message.eml"))
        try Data((records.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: "\(folder)/records"))
    }

    private static let text = """
        Received: from laptop.sender.example (laptop.sender.example [192.0.2.44])\r
        \tby out.sender.example (Postfix) with ESMTPSA id 4XyZ12345\r
        \tfor <user0@bench.test>; Sat, 21 Nov 2026 09:59:58 +0000 (UTC)\r
        From: Bench Sender <someone@sender.example>\r
        To: <user0@bench.test>\r
        Subject: What came of it, and what is to be done next\r
        Date: Sat, 21 Nov 2026 10:00:00 +0000\r
        Message-ID: <20261121100000.4711@sender.example>\r
        In-Reply-To: <20261120100000.4710@sender.example>\r
        References: <20261119100000.4709@sender.example>\r
        \t<20261120100000.4710@sender.example>\r
        MIME-Version: 1.0\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: 7bit\r
        User-Agent: Bench/1.0\r

        """
}
