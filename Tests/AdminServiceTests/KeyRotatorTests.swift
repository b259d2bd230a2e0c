import DNSClient
import DNSCore
import Directory
import Logging
import MailAuth
import MailConfig
import MailDoctor
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@testable import AdminService

/// `example.org` with an Ed25519 key, and a DNS of a test's own.
private struct RotationRoom {
    let state: StoreFixture
    let directory: Directory
    let resolver = ScriptedResolver()
    let log = LogRecorder()
    var manifest = Manifest()
    var rounds = KeyRotationRounds()
    let domain: DomainName

    init() async throws {
        state = try StoreFixture(migrations: DirectorySchema.migrations)
        directory = try await Directory(database: state.database, clock: state.clock)
        domain = try #require(DomainName("example.org"))
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        try await directory.addDomain(
            domain, kind: .sendOnly, postmaster: nil,
            keys: [NewDKIMKey(selector: "ed1", algorithm: "ed25519", privateKey: key.pem)], author: "test")
    }

    var rotator: KeyRotator {
        let resolver = resolver
        return KeyRotator(
            directory: directory, manifest: manifest,
            witness: KeyWitness(asksServers: false) { _ in resolver }, author: "test", logger: log.logger)
    }

    var states: [String] { directory.snapshot.dkimKeys.map { "\($0.selector) \($0.state.rawValue)" } }

    mutating func round(after wait: Duration = .zero) async {
        state.clock.advance(by: wait)
        await rounds.next(rotator)
    }

    func begin() async throws -> DKIMKeyRow {
        try #require(try await rotator.begin(domain, algorithms: [.ed25519SHA256]).first)
    }

    func name(_ row: DKIMKeyRow) -> String { "\(row.selector)._domainkey.example.org" }

    func publish(_ row: DKIMKeyRow) throws { resolver.text(name(row), try Operations.publicRecord(row)) }

    func said(_ words: String) -> Int { log.lines.count { $0.contains(words) } }
}

@Suite struct KeyRotatorTests {
    @Test func `nothing switches before the record is there, and then it does at once`() async throws {
        var room = try await RotationRoom()
        let next = try await room.begin()
        #expect(next.selector.hasPrefix("e2026") && room.said("a next DKIM key waits for its record") == 1)
        await room.round()
        room.resolver.text(room.name(next), "v=DKIM1; k=ed25519; p=AAAA")
        await room.round(after: .seconds(20))
        await room.round(after: .seconds(20))
        #expect(room.said("is not as it should be") == 1, "\(room.log.lines)")
        room.resolver.fail(room.name(next), .txt, .timeout)
        await room.round(after: .seconds(20))
        #expect(room.states == ["ed1 active", "\(next.selector) next"])
        #expect(try await room.directory.keysSeen()[next.id]?.answer == "no answer: timed out")
        try room.publish(next)
        // Too soon to ask again.
        await room.round(after: .seconds(19))
        #expect(room.states == ["ed1 active", "\(next.selector) next"])
        await room.round(after: .seconds(1))
        #expect(room.states == ["ed1 retiring", "\(next.selector) active"])
        #expect(room.said("a DKIM key signs from now on") == 1 && room.said("a DKIM key was replaced") == 1)
    }

    @Test func `a process that starts asks at once, and has to be told nothing`() async throws {
        var room = try await RotationRoom()
        let next = try await room.begin()
        await room.round()
        try room.publish(next)
        room.rounds = KeyRotationRounds()
        await room.round()
        #expect(room.states == ["ed1 retiring", "\(next.selector) active"])
    }

    @Test func `an old key retires when the queue can't hold its mail any more, and its record is watched`()
        async throws
    {
        var room = try await RotationRoom()
        room.manifest.queue.lifetime = .seconds(9 * 86400)
        let next = try await room.begin()
        try room.publish(next)
        await room.round()
        let old = try #require(room.directory.snapshot.dkimKeys.first)
        try room.publish(old)
        await room.round(after: .seconds(9 * 86400 - 1))
        #expect(room.states.first == "ed1 retiring")
        await room.round(after: .seconds(1))
        let retired = try #require(room.directory.snapshot.dkimKeys.first)
        #expect(retired.state == .retired && retired.privateKey.isEmpty)
        #expect(retired.publicRecord == (try Operations.publicRecord(old)))
        #expect(room.said("remove from the DNS: ed1._domainkey.example.org. TXT") == 1, "\(room.log.lines)")
        room.resolver.fail("ed1._domainkey.example.org", .txt, .nonexistentName(secure: false))
        await room.round(after: .seconds(86400))
        #expect(room.said("the record of a retired DKIM key is gone") == 1, "\(room.log.lines)")
        let questions = room.resolver.questions.count
        await room.round(after: .seconds(9 * 86400))
        room.rounds = KeyRotationRounds()
        await room.round()
        #expect(room.resolver.questions.count == questions)
    }

    @Test func `keys follow each other by themselves where that is asked for, with reminders`() async throws {
        var room = try await RotationRoom()
        await room.round(after: .seconds(400 * 86400))
        #expect(room.states == ["ed1 active"])
        room.manifest.dkim.rotateEvery = .seconds(180 * 86400)
        await room.round()
        #expect(room.states.count == 2 && room.states.last?.hasSuffix(" next") == true)
        await room.round(after: .seconds(86399))
        #expect(room.said("still waits for its record") == 0)
        await room.round(after: .seconds(1))
        await room.round(after: .seconds(60))
        #expect(room.said("still waits for its record") == 1, "\(room.log.lines)")
        #expect(room.states.count == 2)
    }

    @Test func `where many domains are due on one day a few are begun in a round`() async throws {
        var room = try await RotationRoom()
        room.manifest.dkim.rotateEvery = .seconds(180 * 86400)
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        for number in 1...6 {
            try await room.directory.addDomain(
                try #require(DomainName("d\(number).example")), kind: .sendOnly, postmaster: nil,
                keys: [NewDKIMKey(selector: "ed1", algorithm: "ed25519", privateKey: key.pem)], author: "test")
        }
        await room.round(after: .seconds(180 * 86400))
        #expect(room.states.count { $0.hasSuffix(" next") } == 5)
        await room.round(after: .seconds(20))
        #expect(room.states.count { $0.hasSuffix(" next") } == 7)
    }

    @Test func `a key that can't be read holds nothing else up`() async throws {
        var room = try await RotationRoom()
        let next = try await room.begin()
        try await room.directory.addNextKeys(
            [NewDKIMKey(selector: "bad", algorithm: "rsa", privateKey: "no key")], domain: room.domain, author: "t")
        try room.publish(next)
        await room.round()
        #expect(room.states == ["ed1 retiring", "\(next.selector) active", "bad next"])
        #expect(room.said("a DKIM key can't be used") == 1)
    }
}

@Suite struct KeyWitnessTests {
    private let name = "k._domainkey.mail.example.org"
    private let record = "v=DKIM1; k=ed25519; p=" + Base64.encode([UInt8](repeating: 7, count: 32))

    /// A zone with two servers, of which the second has three addresses; what each says of the key.
    private func look(_ servers: [String: ScriptedResolver], main: ScriptedResolver) async -> KeySighting? {
        main.answer("example.org", .ns, [.nameServer("ns1.example.net"), .nameServer("ns2.example.net")])
        main.addresses("ns1.example.net", "192.0.2.1")
        main.addresses("ns2.example.net", "192.0.2.2", "192.0.2.3", "192.0.2.4")
        let witness = KeyWitness(asksServers: true, patience: .seconds(3600)) { forwarder in
            guard let forwarder else { return main }
            return servers["\(forwarder.address)"] ?? SilentServer()
        }
        return await witness.look(at: [.init(name: name, record: record)]).first
    }

    private func server(_ text: String?) -> ScriptedResolver {
        let resolver = ScriptedResolver()
        if let text { resolver.text(name, text) }
        return resolver
    }

    @Test func `a server of the zone that lags behind is waited for`() async {
        let good = server(record)
        #expect(await look(["192.0.2.1": good, "192.0.2.2": good], main: server(record)) == .shown(isTesting: false))
        let lagging = await look(["192.0.2.1": good, "192.0.2.2": server(nil)], main: server(record))
        #expect(lagging == .elsewhere("ns2.example.net (192.0.2.2)", .absent))
    }

    @Test func `servers that can't be reached are left out, also where that is all of them`() async {
        #expect(await look(["192.0.2.2": server(record)], main: server(record))?.isShown == true)
        #expect(await look([:], main: server(record))?.isShown == true)
    }

    @Test func `no server is asked for what is not there`() async {
        let main = server(nil)
        #expect(await look([:], main: main) == .absent)
        #expect(!main.questions.contains { $0.hasSuffix(" NS") })
    }

    @Test func `where the name is an alias, the zone of its target is asked`() async {
        let main = ScriptedResolver()
        main.answer(name, .txt, [.text(Array(record.utf8))], canonical: "k.keys.example.com.")
        main.answer("example.com", .ns, [.nameServer("ns.example.com")])
        main.addresses("ns.example.com", "192.0.2.9")
        let target = ScriptedResolver()
        let sighting = await look(["192.0.2.9": target], main: main)
        #expect(sighting == .elsewhere("ns.example.com (192.0.2.9)", .absent))
        #expect(target.questions == ["k.keys.example.com TXT"])
    }

    private struct SilentServer: DNSResolver {
        func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
            .failure(.timeout)
        }
    }
}

@Suite struct RotateCommandTests {
    private func with(_ body: (Operations) async throws -> Void) async throws {
        let data = try TemporaryData()
        var manifest = data.manifest
        // Nobody answers there.
        manifest.server.dns.forwarders = [.init(address: "127.0.0.1", port: 1)]
        let stores = try await Stores.open(manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "a.example", kind: .sendOnly, postmaster: nil)).orThrow()
        try await body(operations)
        try stores.close()
    }

    private func rotate(_ operations: Operations, _ question: KeyRotationQuestion) async throws -> KeyRotationReport {
        let response = try await operations.perform(.dkimRotate(question)).orThrow()
        guard case .rotation(let report) = response else { throw AdminError(.software, "\(response)") }
        return report
    }

    @Test func `both keys of a domain rotate together, and are cancelled together`() async throws {
        try await with { operations in
            let begun = try await rotate(operations, .init(domain: "a.example"))
            #expect(begun.keys.map(\.state) == [.active, .active, .next, .next])
            #expect(begun.add.count == 2 && begun.text.contains("\nadd to the DNS:\n\nr2"), "\(begun.text)")
            #expect(begun.text.contains("rsa1 signs until then") && begun.text.contains("no server runs"))
            let listed = try await operations.perform(.dkimList(domain: nil)).output(json: false)
            #expect(listed.contains("waits for its record"), "\(listed)")
            let cancelled = try await rotate(operations, .init(domain: "a.example", cancel: true))
            #expect(cancelled.lines.count == 2 && cancelled.lines[0].contains("which has signed nothing"))
            let none = await operations.perform(.dkimRotate(.init(domain: "a.example", cancel: true)))
            #expect(try none.output(json: false).contains("no rotation of a key of a.example waits"), "\(none)")
        }
    }

    @Test func `without waiting it says what that risks, prints the record, and begins no other when asked again`()
        async throws
    {
        try await with { operations in
            let now = try await rotate(
                operations, .init(domain: "a.example", algorithms: ["ed25519"], selector: "E2027", now: true))
            #expect(now.keys.map { "\($0.selector) \($0.state.rawValue)" } == ["ed1 retiring", "e2027 active"])
            #expect(now.text.contains("nobody can verify these signatures") && now.add.count == 1, "\(now.text)")
            #expect(now.text.contains("ed1 was replaced; leave its record in the DNS until "))
            let again = try await rotate(operations, .init(domain: "a.example"))
            #expect(again.keys.map(\.state) == [.active, .retiring, .active] && again.add.isEmpty)
        }
    }

    @Test(arguments: [
        (KeyRotationQuestion(domain: "b.example"), "is not a domain"),
        (.init(domain: "a.example", algorithms: ["dsa"]), "no DKIM algorithm"),
        (.init(domain: "a.example", selector: "x"), "a selector names one key"),
        (.init(domain: "a.example", algorithms: ["rsa"], selector: "a_b"), "can't be a selector"),
        (.init(domain: "a.example", algorithms: ["rsa"], selector: "rsa1"), "exists already"),
        (.init(domain: "a.example", cancel: true, now: true), "goes with neither"),
    ])
    func `what can't be is refused`(question: KeyRotationQuestion, words: String) async throws {
        try await with { operations in
            let answer = try await operations.perform(.dkimRotate(question)).output(json: false)
            #expect(answer.contains(words), "\(answer)")
        }
    }

    @Test func `of several that begin at the same moment one makes keys`() async throws {
        try await with { operations in
            let question = KeyRotationQuestion(domain: "a.example", algorithms: ["ed25519"])
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await operations.perform(.dkimRotate(question)).output(json: false) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.contains("made the ed25519 key") } == 1, "\(answers)")
            let known = ["made the ed25519 key", "is under way already", "waits for its record"]
            #expect(answers.allSatisfy { answer in known.contains { answer.contains($0) } }, "\(answers)")
            let keys = operations.directory.snapshot.dkimKeys
            #expect(keys.count { $0.state == .next } == 1)
        }
    }

    @Test func `a second rotation beside one that waits is refused clearly`() async throws {
        try await with { operations in
            let first = KeyRotationQuestion(domain: "a.example", algorithms: ["ed25519"], selector: "one")
            _ = try await rotate(operations, first)
            var second = first
            second.selector = "two"
            let answer = try await operations.perform(.dkimRotate(second)).output(json: false)
            #expect(answer.contains("to one is under way already") && answer.contains("--cancel"), "\(answer)")
            second.algorithms = ["rsa"]
            #expect(try await rotate(operations, second).keys.map(\.state) == [.active, .next])
        }
    }
}
