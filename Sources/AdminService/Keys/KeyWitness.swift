import DNSClient
import DNSCore
import MailConfig
import MailDoctor
import MailSyntax

/// Asks the DNS for our own keys, at the source: without what anybody has remembered.
///
/// A question goes through a resolver that was made for it. Where names are resolved from the root servers down and the
/// answer is the wanted one, each server of the zone is asked as well: a secondary that lags behind would give receivers
/// no key. Behind forwarders only these can be asked.
struct KeyWitness: Sendable {
    /// A key's name and the text of the TXT record that publishes it.
    struct Question: Sendable, Hashable {
        var name: String
        var record: String
    }

    /// Makes a resolver that remembers nothing: as the manifest has it, or one that asks a single server.
    typealias Opening = @Sendable (ResolverSettings.Forwarder?) throws -> any DNSResolver

    private let asksServers: Bool
    private let patience: Duration
    private let open: Opening

    /// - Parameters:
    ///   - asksServers: whether the servers of a zone can be asked directly.
    ///   - patience: for everything that is asked about one key.
    init(asksServers: Bool, patience: Duration = .seconds(30), open: @escaping Opening) {
        self.asksServers = asksServers
        self.patience = patience
        self.open = open
    }

    init(_ dns: Manifest.DNS) {
        self.init(asksServers: dns.forwarders.isEmpty) { server in
            var settings = try ServerSettings.resolver(dns)
            // Only the world counts.
            settings.hosts = []
            settings.timeout = Self.timeout
            if let server {
                settings.forwarders = [server]
                // Servers of a zone prove nothing: the first question did.
                settings.trustAnchor = .none
            }
            return try UnboundResolver(settings)
        }
    }

    private static let timeout = Duration.seconds(8)
    /// Keys that are asked about at a time: each may need a resolver of its own for every server of its zone.
    private static let keysAtOnce = 4
    /// Servers of a zone, and addresses of a server, that are asked.
    private static let maximumServers = 8
    private static let maximumAddresses = 2

    /// What the DNS shows of each key, in the order of the questions. Never throws: what can't be asked is unanswered.
    func look(at questions: [Question]) async -> [KeySighting] {
        guard !questions.isEmpty else { return [] }
        let resolver: any DNSResolver
        do {
            resolver = PatientResolver(base: try open(nil), end: .now + patience)
        } catch {
            return questions.map { _ in .unanswered("\(error)") }
        }
        return await Self.sideBySide(questions, atOnce: Self.keysAtOnce) { await look(at: $0, by: resolver) }
    }

    private func look(at question: Question, by resolver: any DNSResolver) async -> KeySighting {
        let answer = await resolver.resolve(question.name, .txt)
        let first = KeySighting(answer, record: question.record)
        guard asksServers, first.isShown, case .success(let found) = answer else { return first }
        // Where the name is an alias, the record stands in another zone.
        let owner = found.canonicalName ?? question.name
        let servers = await Self.servers(of: owner, resolver)
        let sightings = await Self.sideBySide(servers, atOnce: Self.maximumServers) { server in
            guard let direct = try? open(.init(address: server.address)) else { return KeySighting.unanswered("") }
            return KeySighting(await direct.resolve(owner, .txt), record: question.record)
        }
        let answers = zip(servers, sightings).map { ("\($0.name) (\($0.address))", $1) }
        let together = KeySighting.together(answers)
        // A firewall that lets the resolver's questions through and no others.
        if case .unanswered = together { return first }
        return together
    }

    private struct NameServer: Sendable {
        var name: String
        var address: IPAddress
    }

    /// The addresses of the servers of the zone that a name is in; none where they can't be found out.
    private static func servers(of name: String, _ resolver: any DNSResolver) async -> [NameServer] {
        var labels = name.split(separator: ".")[...]
        while labels.count > 1 {
            switch await resolver.resolve(labels.joined(separator: "."), .ns) {
            case .success(let answer):
                let names = Array(answer.names.prefix(maximumServers))
                let found = await sideBySide(names, atOnce: maximumServers) { await addresses(of: $0, resolver) }
                return found.flatMap(\.self)
            case .failure(let failure) where failure.isAbsence: labels = labels.dropFirst()
            case .failure: return []
            }
        }
        return []
    }

    private static func addresses(of server: String, _ resolver: any DNSResolver) async -> [NameServer] {
        var found: [NameServer] = []
        for type in [DNSRecordType.a, .aaaa] {
            guard case .success(let answer) = await resolver.resolve(server, type) else { continue }
            found += answer.addresses.prefix(maximumAddresses).map { NameServer(name: server, address: $0) }
        }
        return found
    }

    /// The results of several questions in their order, so many under way at a time.
    private static func sideBySide<Item: Sendable, Outcome: Sendable>(
        _ items: [Item], atOnce: Int, _ ask: @escaping @Sendable (Item) async -> Outcome
    ) async -> [Outcome] {
        await withTaskGroup(of: (Int, Outcome).self) { group in
            var results: [Int: Outcome] = [:]
            for (index, item) in items.enumerated() {
                if index >= atOnce, let (done, outcome) = await group.next() { results[done] = outcome }
                group.addTask { (index, await ask(item)) }
            }
            for await (index, outcome) in group { results[index] = outcome }
            return items.indices.compactMap { results[$0] }
        }
    }
}
