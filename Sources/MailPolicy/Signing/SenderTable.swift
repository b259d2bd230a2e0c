import MailConfig
import MailSyntax

/// OpenDKIM's SigningTable: `SENDER NAME[:IDENTITY]` a line.
struct SenderTable: Sendable {
    struct Row: Sendable {
        var line: Int
        var name: String
        /// `%` in it stands for the sender's domain.
        var identity: String?
    }

    let file: String
    private(set) var rows: [Row] = []
    private let hasPatterns: Bool
    /// Of a table without patterns: what is written, in lower case.
    private var keys: [String: [Int]] = [:]
    /// Of patterns: `*@example.org` by the domain, those without `*`, and the others.
    private var domains: [String: [Int]] = [:]
    private var others: [(pattern: WildcardPattern, row: Int)] = []

    init(reading text: [UInt8], _ source: Manifest.DKIM.Table, report: (TableDiagnostic) -> Void) {
        file = source.path
        hasPatterns = source.hasPatterns
        for line in OpenDKIMLine.all(text, file: file, report: report) {
            do throws(RuleProblem) {
                add(line.key, try Self.row(line))
            } catch {
                report(TableDiagnostic(file: file, line: line.number, error.message, remedy: error.remedy))
            }
        }
    }

    private mutating func add(_ key: String, _ row: Row) {
        defer { rows.append(row) }
        let pattern = WildcardPattern(key)
        guard hasPatterns else {
            keys[WildcardPattern.withASCIIDomain(EmailAddress.fold(key)), default: []].append(rows.count)
            return
        }
        if let literal = pattern.literal {
            keys[literal, default: []].append(rows.count)
        } else if let domain = pattern.anyoneIn {
            domains[domain, default: []].append(rows.count)
        } else {
            others.append((pattern, rows.count))
        }
    }

    private static func row(_ line: OpenDKIMLine) throws(RuleProblem) -> Row {
        let parts = line.value.split(maxSplits: 1) { $0 == ":" || $0 == " " }.map(String.init)
        guard let name = parts.first else {
            throw RuleProblem(message: "has no name of a key", remedy: "write one of the key table's after the sender")
        }
        var row = Row(line: line.number, name: name, identity: parts.count > 1 ? parts[1] : nil)
        guard let identity = row.identity else { return row }
        if !identity.contains("@") { row.identity = "@\(identity)" }
        let local = identity.prefix { $0 != "@" }
        // RFC 6376 §2.11: others would have to be encoded.
        let isPlain = local.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3B && $0 != 0x3D }
        let domain = (row.identity ?? "").split(separator: "@").last ?? ""
        guard isPlain, DomainName(domain.replacing("%", with: "example.org")) != nil else {
            throw RuleProblem(
                message: "has the signer `\(identity)`, which can't be an `i=` tag",
                remedy: "write an address, or `@` and a domain")
        }
        return row
    }

    /// The lines that fit, the one that counts most first.
    func rows(for sender: EmailAddress, in domain: DomainName) -> [Row] {
        let user = EmailAddress.fold(EmailAddress.wireForm(localPart: sender.localPart))
        let whole = "\(user)@\(domain.ascii)"
        guard hasPatterns else { return inOrder(user, whole, domain).map { rows[$0] } }
        var found = (keys[whole] ?? []) + (domains[domain.ascii] ?? [])
        if !others.isEmpty {
            let octets = Array(whole.utf8)
            for other in others where other.pattern.matches(octets) { found.append(other.row) }
        }
        return found.sorted().map { rows[$0] }
    }

    /// `user@host`, `host`, `user@.parent` of each parent domain, `.parent` of each, `user@*`, `*`.
    private func inOrder(_ user: String, _ whole: String, _ domain: DomainName) -> [Int] {
        var asked = [whole, domain.ascii]
        var parents: [DomainName] = []
        while let parent = (parents.last ?? domain).parent { parents.append(parent) }
        asked += parents.map { "\(user)@.\($0)" } + parents.map { ".\($0)" } + ["\(user)@*", "*"]
        return asked.flatMap { keys[$0] ?? [] }
    }
}
