import Directory
import Foundation
import MailAuth
import MailConfig
import MailDoctor
import MailPolicy
import MailSyntax
import MailTables
import MartletTesting
import Testing

@testable import AdminService

/// A server's data beside OpenDKIM's tables, with `example.org` in the directory.
private struct TableKeyRoom {
    let folder: TemporaryFolder
    let stores: Stores
    let operations: Operations
    static let key = try? DKIMSigningKey.generate(.ed25519SHA256)

    init(_ data: borrowing TemporaryData, keys: String, senders: String) async throws {
        folder = try TemporaryFolder()
        var manifest = data.manifest
        manifest.dkim.keyTable = .init(path: folder.file("KeyTable"), hasPatterns: false)
        manifest.dkim.signingTable = .init(path: folder.file("SigningTable"), hasPatterns: true)
        try folder.write(keys, to: "KeyTable")
        try folder.write(senders, to: "SigningTable")
        try folder.write(Self.key?.pem ?? "", to: "mail.private", mode: 0o600)
        stores = try await Stores.open(manifest)
        operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", kind: .sendOnly, postmaster: nil)).orThrow()
    }

    func list(_ domain: String? = nil) async throws -> DKIMKeyList {
        guard case .keys(let list) = try await operations.perform(.dkimList(domain: domain)).orThrow() else {
            return .init(keys: [])
        }
        return list
    }

    func zone(_ domain: String) async throws -> ZoneText? {
        let response = await operations.perform(.dnsRecords(domain: domain, addresses: ["198.51.100.1"]))
        guard case .zone(let zone) = try response.orThrow() else { return nil }
        return zone
    }

    /// The findings on keys without a look at the DNS.
    func findings(_ domain: String) async throws -> [String] {
        let ring = operations.tableKeys(of: try operations.parseDomain(domain), operations.examineTables())
        return operations.findings(ring, try operations.parseDomain(domain)).map {
            "\($0.severity.rawValue) \($0.subject.replacing(folder.path + "/", with: "")): \($0.message) | \($0.fix)"
        }
    }

    var results: [String] {
        operations.tableKeyResults().map {
            "\($0.passed) \($0.name) \($0.detail)".replacing(folder.path + "/", with: "")
        }
    }
}

@Suite("Keys of OpenDKIM's tables beside those of the database")
struct TableKeyringTests {
    private static let table = "mail example.org:mail:./mail.private\nnet example.net:net:./mail.private\n"

    @Test("They are listed with where they stand, and their records are printed")
    func listed() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(
            data, keys: Self.table, senders: "*@example.org mail\n*@shop.example.org mail\n*@example.net net\n")
        let list = try await room.list()
        let place = room.folder.file("KeyTable")
        #expect(list.problems == [])
        #expect(
            list.keys.map { "\($0.recordName) \($0.origin)" } == [
                "rsa1._domainkey.example.org. database", "ed1._domainkey.example.org. database",
                "mail._domainkey.example.org. \(place):1", "net._domainkey.example.net. \(place):2",
            ])
        let mail = try #require(list.keys.first { $0.selector == "mail" })
        #expect(mail.algorithm == "ed25519-sha256" && mail.recordText == TableKeyRoom.key?.publicRecord)
        #expect(mail.file?.hasSuffix("/./mail.private") == true)
        #expect(mail.senders == ["*@example.org", "*@shop.example.org"])
        let text = AdminResponse.text(list.keys)
        #expect(text.contains("\(place):1") && text.contains("for *@example.org, *@shop.example.org"), "\(text)")
        #expect(try await room.list("example.org").keys.map(\.selector) == ["rsa1", "ed1", "mail"])
        let record = "mail._domainkey.example.org. IN TXT \"\(TableKeyRoom.key?.publicRecord ?? "")\""
        let zone = try #require(try await room.zone("example.org"))
        #expect(zone.text.contains("\n" + record) && zone.text.contains("\(place):1"), "\(zone.text)")
        #expect(zone.problems == [])
        #expect(room.results == ["true dkim: KeyTable 2 keys can be used"])
        guard
            case .keys(let records) = await room.operations.perform(
                .dkimRecord(domain: "example.org", selector: "mail"))
        else { Issue.record("no record"); return }
        #expect(records.keys.map(\.selector) == ["mail"])
        guard
            case .failed(let error) = await room.operations.perform(
                .dkimExport(domain: "example.org", selector: "mail"))
        else { Issue.record("a key is exported that is not in the database"); return }
        #expect(error.remedy?.contains("mail.private") == true)
        try room.stores.close()
    }

    @Test("A domain that only the tables know has keys and records; others are still unknown")
    func unknownDomain() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(data, keys: Self.table, senders: "*@example.net mail\nal@example.net net\n")
        #expect(try await room.list("example.net").keys.map(\.recordName) == ["mail._domainkey.example.org."])
        let zone = try #require(try await room.zone("example.net"))
        #expect(zone.text.contains("The domain only sends from here"))
        await #expect(throws: AdminError.self) { _ = try await room.list("example.com") }
        try room.stores.close()
    }

    @Test("Keys of the database are idle where the table has everyone")
    func idle() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(
            data, keys: Self.table, senders: "*@example.org mail\n*@mail.example.org mail\n")
        let keys = try await room.list("example.org").keys
        #expect(keys.filter { $0.isIdle == true }.map(\.selector) == ["rsa1", "ed1"])
        #expect(AdminResponse.text(keys).contains("idle: the signing table has everyone"))
        let zone = try #require(try await room.zone("example.org"))
        #expect(zone.records.filter { !$0.required }.map(\.name).contains("rsa1._domainkey.example.org."))
        let own = try await room.operations.signingKeys(of: #require(EmailAddress("al@example.org")))
        // No server runs, and nobody has installed the tables: the policy sees none.
        #expect(own.map(\.selector) == ["rsa1", "ed1"])
        room.stores.tables.install(try LookupTables.load(room.stores.manifest))
        let after = try await room.operations.signingKeys(of: #require(EmailAddress("al@example.org")))
        #expect(after.map(\.selector) == ["mail"] && after.first?.recordText == TableKeyRoom.key?.publicRecord)
        try room.stores.close()
    }

    @Test("A key file that can't be used is named with its line and what to do, by every command")
    func broken() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(
            data, keys: Self.table + "bad example.org:bad:./bad.private\ngone example.com:gone:./gone.private\n",
            senders: "bad@example.org bad\n*@example.org mail\n*@example.net net\n*@example.com gone\n")
        try room.folder.write(TableKeyRoom.key?.pem ?? "", to: "bad.private", mode: 0o644)
        let list = try await room.list("example.org")
        let bad = try #require(list.keys.first { $0.selector == "bad" })
        #expect(!bad.active && bad.recordText.isEmpty && bad.problem?.contains("mode 0644") == true)
        #expect(AdminResponse.text(list.keys).contains("broken"))
        let place = room.folder.file("KeyTable")
        #expect(list.problems.map(\.status) == [.config] && list.problems[0].message.hasPrefix("\(place):3: "))
        #expect(list.problems[0].remedy?.hasPrefix("chmod 0600 ") == true)
        #expect(try await room.list().problems.count == 2)
        // A line that does not count is the domain's all the same.
        try room.folder.write(
            "bad@example.org bad\n*@example.org mail\n*@example.com mail\nal@example.com gone\n*@example.net net\n",
            to: "SigningTable")
        let shadowed = try await room.list("example.com")
        #expect(shadowed.problems.count == 1 && shadowed.problems[0].message.contains("gone.private"))
        let zone = try #require(try await room.zone("example.org"))
        #expect(zone.problems == list.problems && zone.text.contains("; \(place):3: "), "\(zone.text)")
        #expect(zone.text.contains("\nmail._domainkey.example.org."))
        let findings = try await room.findings("example.org")
        #expect(findings.count == 2 && findings.first?.hasPrefix("error KeyTable:3: ") == true, "\(findings)")
        #expect(findings.last?.hasPrefix("warning KeyTable:4: a key of another domain: ") == true, "\(findings)")
        let results = ["false dkim: KeyTable:3", "false dkim: KeyTable:4", "true dkim: KeyTable 2 "]
        #expect(room.results.map { String($0.prefix(22)) } == results)
        // A table that can't be read.
        try FileManager.default.removeItem(atPath: room.folder.file("SigningTable"))
        #expect(try await room.list().problems.first?.message.contains("SigningTable: there is no such file") == true)
        #expect(try await room.findings("example.org").count == 1)
        try room.stores.close()
    }

    @Test("Keys that contradict each other, the database or the record beside them are named")
    func contradictions() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(
            data,
            keys: "a example.org:ed1:./mail.private\nb example.org:s:./mail.private\nc example.org:s:./other.private\n",
            senders: "a@example.org a\nb@example.org b\n*@example.org c\n")
        let other = try DKIMSigningKey.generate(.ed25519SHA256)
        try room.folder.write(other.pem, to: "other.private", mode: 0o600)
        let record =
            "s._domainkey\tIN\tTXT\t( \"v=DKIM1; k=ed25519; \"\n\t  \"p=AAAA\" )  ; DKIM key s for example.org\n"
        try room.folder.write(record, to: "other.txt")
        let findings = try await room.findings("example.org")
        #expect(findings.count == 3, "\(findings)")
        func has(_ words: String...) -> Bool { findings.contains { line in words.allSatisfy { line.contains($0) } } }
        #expect(has("error KeyTable:1: has another key for ed1._domainkey.example.org than the database"))
        #expect(has("error KeyTable:3: has another key for s._domainkey.example.org than", "KeyTable:2"))
        #expect(has("error KeyTable:3: ", "other.txt publishes another key"))
        #expect(room.results.filter { $0.hasPrefix("false") }.count == 3)
        // One record a name, whatever is wrong.
        let names = try #require(try await room.zone("example.org")).records.map(\.name).filter {
            $0.contains("_domainkey")
        }
        #expect(names.count == Set(names).count)
        try room.stores.close()
    }

    /// RSA with 1024 bits, which nobody uses.
    private static let smallKey = """
        -----BEGIN PRIVATE KEY-----
        MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKggVxz8KZelfDGq
        p5mg+lFZAERF959qNIwpcjk5Ffrm1RSAzRkATNqYKTqN0X3XQ/C5CFkwhVhtktD0
        8XotEyEyeTtqOdamJQGQRX++fHzdP28l5BiS2j0J7GfkvrJwbp9TVHOYflJeXVOz
        sNIZrNHPFfZw13iO19UqF7NR6dRvAgMBAAECgYAs5C2+fIoyhqpJrLKBr90GuYf7
        st7yfu42+p4YL2jyDI6aoeWhplXfDD/99X4ZZtAqR422GuGQAfnwt2Z+4+g2RzAr
        5Klvgqm+U9m07YQ6ceXGNElq2EIaDhGMlHNtaQMiZlBvebvWC6mCNIgDihPdnugy
        M4NzzW9RTlGpMmdimQJBANMnwUKfilHqTPDbvmFEYqcZ7Mw318Mv9fSosssbWcyW
        y7oyBm3o088YjvPXzgNVymYMzBDaJK8p9Ofb7VsPlKUCQQDL1Se/61ex0xXqCYa9
        p2dKwZL/ZnvNPMlevTlz0EoxwUbQFb7teO0mko4X5h91IfF4Mc3vnIyqsJJVS8yx
        XnSDAkBJ9MChvxNJQZEVQ0HY+4S6FkBz/pMZkDDLMlL9BGVdXOuaGW9bC5M0E9vt
        2AYV8PRk7dKDjIQQvddDZioqHLjpAkBWJJps+JgSNgRv6WDBbCsyI8btGzG9FjCA
        UnYiZOfGSUmVDWuoTs/i2lMk9INc7GBxjJLc7gtg48ikNamnWCTjAkEA0e2sbNmJ
        fdOdnl+MMGlrOgx11z5kL4Bo3qo2DXQ8cD0cm5gVpyJtMup3rPfh9wqlFX7zizDN
        vhaDjl/5J7r0SA==
        -----END PRIVATE KEY-----
        """

    @Test("Sizes, names of other domains and domains without a file are worth a remark")
    func remarks() async throws {
        let data = try TemporaryData()
        let room = try await TableKeyRoom(
            data,
            keys: "small example.org:small:./small\nany %:mail:./%.private\nelse example.com:mail:./mail.private\n",
            senders: "s@example.org small\ne@example.org else\n*@example.org any\n")
        try room.folder.write(Self.smallKey, to: "small", mode: 0o600)
        let findings = try await room.findings("example.org")
        #expect(findings.count == 3, "\(findings)")
        #expect(findings.contains { $0.hasPrefix("remark KeyTable:1: the key small has 1024 bits") })
        #expect(findings.contains { $0.hasPrefix("warning KeyTable:2: there is no ") })
        #expect(
            findings.contains {
                $0.hasPrefix("remark KeyTable:3: signs mail of example.org in the name of example.com")
            })
        #expect(try await room.list("example.org").problems == [])
        try room.stores.close()
    }
}
