import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }
func domain(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

/// A directory in a few lines, that remembers what it was asked.
final class ScriptedDirectory {
    var recipients: [String: RecipientAnswer] = [:]
    var hosted: Set<String> = ["example.org"]
    /// Domains that are signed for and not hosted.
    var sendOnly: Set<String> = []
    var identities: [Int64: Set<String>] = [1: ["fbi@example.org", "info@example.org"]]
    /// What a login may send as by a grant, and by which.
    var granted: [Int64: [String: String]] = [:]
    var full: Set<Int64> = []
    var sent: [String: SendCounts] = [:]
    /// Octets that wait for their time.
    var waiting: [String: Int] = [:]
    var failing = false
    /// Values by purpose and key; a key that begins with `/` and ends with it is looked for in whole keys.
    var tables: [TablePurpose: [String: String]] = [:]
    var failingTables: Set<TablePurpose> = []
    /// Selectors, where they are others than `rsa1`.
    var signing: [String: [String]] = [:]
    var signingTables: SigningTables?
    private(set) var asked: [Lookup] = []

    func answer(_ lookup: Lookup) -> Answer {
        asked.append(lookup)
        if failing { return .unavailable("database is away") }
        switch lookup {
        case .recipient(let address):
            if let answer = recipients[address.folded] { return .recipient(answer) }
            return .recipient(hosted.contains(address.hostText) ? .unknown : .notHosted)
        case .mayUse(let address, let login):
            if let rule = granted[login]?[address.folded] {
                return .sender(.granted(rule, origin: "directory revision 7"))
            }
            return .sender(identities[login]?.contains(address.folded) == true ? .own : .foreign)
        case .quota(let account, _): return .quota(full.contains(account) ? .exceeded : .fits)
        case .hosted(let domain): return .flag(hosted.contains(domain.ascii))
        case .signingKeys(let domain):
            return .selectors(hosted.union(sendOnly).contains(domain.ascii) ? signing[domain.ascii] ?? ["rsa1"] : nil)
        case .signingTable(let author): return .signingTable(signingTables?.matches(author) ?? [])
        case .table(let purpose, let key, let isWhole): return table(purpose, key, isWhole)
        case .sent(let meter): return .sent(sent[meter] ?? SendCounts())
        case .srs(let request): return srs(request)
        case .waiting(let login): return .octets(waiting[login] ?? 0)
        case .firstHostedDomain: return .domain(hosted.min().flatMap { DomainName($0) })
        }
    }

    /// `SRS0=good=user@srs.example` is `user@far.example`.
    private func srs(_ request: SRSRequest) -> Answer {
        switch request {
        case .forward(let address):
            return .srs(EmailAddress("SRS0=good=\(address.localPart)@srs.example").map { .address($0) } ?? .none)
        case .reverse(let address):
            let words = address.localPart.split(separator: "=")
            guard words.count == 3 else { return .srs(.none) }
            switch words[1] {
            case "good": return .srs(EmailAddress("\(words[2])@far.example").map { .address($0) } ?? .none)
            case "old": return .srs(.expired)
            default: return .srs(.forged)
            }
        }
    }

    private func table(_ purpose: TablePurpose, _ key: String, _ isWhole: Bool) -> Answer {
        if failingTables.contains(purpose) { return .unavailable("table is away") }
        let table = tables[purpose] ?? [:]
        let patterns = isWhole ? table.filter { $0.key.count > 2 && $0.key.first == "/" && $0.key.last == "/" } : [:]
        let pattern = patterns.first { key.lowercased().contains($0.key.dropFirst().dropLast()) }
        let value = table[EmailAddress.fold(key)] ?? pattern?.value
        return .table(value.map { TableAnswer(value: $0, origin: "\(purpose.rawValue):1") })
    }

    func run<D>(_ evaluate: (Answers) -> Evaluation<D>) throws -> (decision: D, trace: [TraceStep]) {
        let before = asked.count
        let result = try Policy.run(evaluate, answerNow: answer)
        let now = asked.dropFirst(before)
        #expect(Set(now).count == now.count, "a question was asked twice")
        #expect(!result.trace.isEmpty, "a decision without a trace")
        return result
    }
}

func client(_ role: ClientRole, login: String? = nil) throws -> ClientFacts {
    let facts = try login.map { LoginFacts(account: 1, address: try address($0)) }
    return ClientFacts(address: try #require(IPAddress("192.0.2.1")), role: role, tls: true, login: facts)
}
