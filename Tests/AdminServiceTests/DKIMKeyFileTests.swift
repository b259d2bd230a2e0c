import Foundation
import MailAuth
import MartletTesting
import Testing

@testable import AdminService

@Suite("Keys from other programs")
struct DKIMKeyFileTests {
    private static func record(_ key: DKIMSigningKey, name: String = "mail._domainkey", end: String = "") -> String {
        let text = key.publicRecord.replacing("v=DKIM1; k=rsa; ", with: "v=DKIM1; h=sha256; k=rsa; \"\n\t  \"")
        let half = text.index(text.startIndex, offsetBy: text.count / 2)
        return
            "\(name)\tIN\tTXT\t( \"\(text[..<half])\"\n\t  \"\(text[half...])\" )  ; ----- DKIM key mail for \(end)\n"
    }

    @Test(
        "The record beside a key says what it is for", arguments: ["mail._domainkey", "mail._domainkey.example.net."])
    func record(_ name: String) throws {
        let folder = try TemporaryFolder()
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        let path = try folder.write(key.pem, to: "mail.private", mode: 0o600)
        try folder.write(Self.record(key, name: name, end: "example.org"), to: "mail.txt")
        let domain = name.hasSuffix(".") ? "example.net" : "example.org"
        let file = try DKIMKeyFile.read(path, domain: nil, selector: nil)
        #expect(file == DKIMKeyFile(domain: domain, selector: "mail", pem: key.pem))
        let named = try DKIMKeyFile.read(path, domain: "example.com", selector: "s")
        #expect(named.domain == "example.com" && named.selector == "s")
    }

    @Test("Without a record the domain and selector have to be named; one of another key is refused")
    func missing() throws {
        let folder = try TemporaryFolder()
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        let path = try folder.write(key.pem, to: "mail.private", mode: 0o644)
        #expect(throws: AdminError.self) { try DKIMKeyFile.read(path, domain: "example.org", selector: nil) }
        #expect(throws: AdminError.self) { try DKIMKeyFile.read(path, domain: nil, selector: "mail") }
        let named = try DKIMKeyFile.read(path, domain: "example.org", selector: "mail")
        #expect(named.remarks.first?.contains("chmod 0600 \(path)") == true)
        let other = try DKIMSigningKey.generate(.ed25519SHA256)
        try folder.write(Self.record(other, end: "example.org"), to: "mail.txt")
        #expect(throws: AdminError.self) { try DKIMKeyFile.read(path, domain: nil, selector: nil) }
        try folder.write("a text that is no record", to: "mail.txt")
        #expect(throws: AdminError.self) { try DKIMKeyFile.read(path, domain: nil, selector: nil) }
        #expect(throws: AdminError.self) {
            try DKIMKeyFile.read(folder.file("absent"), domain: "example.org", selector: "mail")
        }
    }

    @Test("A key is imported once and exported as it came")
    func operations() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        let key = try DKIMSigningKey.generate(.rsaSHA256)
        func bring(_ domain: String, _ selector: String, _ pem: String) async -> AdminResponse {
            await operations.perform(.dkimImport(domain: domain, selector: selector, privateKey: pem))
        }
        func failure(_ response: AdminResponse) -> String? {
            if case .failed(let error) = response { error.message } else { nil }
        }
        #expect(failure(await bring("example.org", "mail", key.pem)) != nil, "the domain is not there")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        #expect(failure(await bring("example.org", "mail", "no key"))?.contains("not in PEM form") == true)
        #expect(failure(await bring("example.org", "a b", key.pem))?.contains("can't be a selector") == true)
        guard case .done(let lines) = await bring("example.org", "Mail", key.pem) else {
            Issue.record("it is not imported"); return
        }
        #expect(lines.last?.hasPrefix("rsa1 and ed1 of example.org sign too") == true)
        guard case .done(let again) = await bring("example.org", "mail", key.pem) else {
            Issue.record("the same key again is an error"); return
        }
        #expect(again == ["example.org has the key mail already"])
        let other = try DKIMSigningKey.generate(.ed25519SHA256)
        #expect(failure(await bring("example.org", "mail", other.pem)) != nil, "the name is taken")
        guard case .key(let text) = await operations.perform(.dkimExport(domain: "example.org", selector: "mail"))
        else {
            Issue.record("it is not exported"); return
        }
        #expect(try DKIMSigningKey(pem: text.privateKey).publicKey == key.publicKey)
        #expect(!"\(text)".contains("BEGIN"))
        #expect(failure(await operations.perform(.dkimExport(domain: "example.org", selector: "x"))) != nil)
        try stores.close()
    }
}
