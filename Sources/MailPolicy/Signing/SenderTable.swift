import MailConfig
import MailSyntax

/// OpenDKIM's SigningTable: `SENDER NAME[:IDENTITY]` a line.
struct SenderTable: Sendable {
    struct Row: Sendable {
        var line: Int
        /// As it is written.
        var sender: String
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
    /// The lines of single users, by what follows their names: `@example.org`, `@.org`, `@*`.
    private var users: [String: [Int]] = [:]

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
        let literal =
            hasPatterns ? pattern.literal : WildcardPattern.withASCIIDomain(EmailAddress.fold(key))
        if let literal {
            keys[literal, default: []].append(rows.count)
            guard let at = literal.lastIndex(of: "@"), at > literal.startIndex else { return }
            users[String(literal[at...]), default: []].append(rows.count)
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
        var row = Row(line: line.number, sender: line.key, name: name, identity: parts.count > 1 ? parts[1] : nil)
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
        guard hasPatterns else {
            return Self.places(domain).flatMap { keys[$0.isForUser ? user + $0.text : $0.text] ?? [] }.map { rows[$0] }
        }
        let whole = "\(user)@\(domain.ascii)"
        var found = (keys[whole] ?? []) + (domains[domain.ascii] ?? [])
        if !others.isEmpty {
            let octets = Array(whole.utf8)
            for other in others where other.pattern.matches(octets) { found.append(other.row) }
        }
        return found.sorted().map { rows[$0] }
    }

    /// What a table without patterns is asked for, in order: `user@host`, `host`, `user@.parent` of each parent domain,
    /// `.parent` of each, `user@*`, `*`.
    private static func places(_ domain: DomainName) -> [(text: String, isForUser: Bool)] {
        var parents: [DomainName] = []
        while let parent = (parents.last ?? domain).parent { parents.append(parent) }
        return [("@\(domain.ascii)", true), (domain.ascii, false)] + parents.map { ("@.\($0)", true) }
            + parents.map { (".\($0)", false) } + [("@*", true), ("*", false)]
    }

    // MARK: Whole domains

    /// The lines that fit some sender of a domain, the one that counts most first; `isForAll`: each one.
    func rows(forAnyoneIn domain: DomainName) -> [(row: Row, isForAll: Bool)] {
        guard hasPatterns else {
            return Self.places(domain).flatMap { place in
                ((place.isForUser ? users : keys)[place.text] ?? []).map { (rows[$0], !place.isForUser) }
            }
        }
        let tail = "@\(domain.ascii)"
        var found: [(row: Int, isForAll: Bool)] = (users[tail] ?? []).map { ($0, false) }
        found += (domains[domain.ascii] ?? []).map { ($0, true) }
        for other in others {
            switch other.pattern.reach(before: Array(tail.utf8)) {
            case .none: continue
            case .some: found.append((other.row, false))
            case .all: found.append((other.row, true))
            }
        }
        return found.sorted { $0.row < $1.row }.map { (rows[$0.row], $0.isForAll) }
    }

    /// Whether a line is for senders of this very domain alone.
    func isOnly(_ row: Row, for domain: DomainName) -> Bool {
        let text = WildcardPattern.withASCIIDomain(EmailAddress.fold(row.sender))
        guard let at = text.lastIndex(of: "@") else { return !hasPatterns && text == domain.ascii }
        return text[text.index(after: at)...] == domain.ascii
    }

    /// The domains that lines name.
    var namedDomains: Set<DomainName> {
        let texts = users.keys.map { $0.dropFirst() } + domains.keys.map { $0[...] } + keys.keys.map { $0[...] }
        return Set(
            texts.filter { !$0.contains("@") && !$0.contains("*") && $0.first != "." }.compactMap { DomainName($0) })
    }
}
