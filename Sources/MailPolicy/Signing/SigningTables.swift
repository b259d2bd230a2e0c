package import MailConfig
package import MailSyntax

/// OpenDKIM's key table and signing table, as they are written: who signs with which key.
package struct SigningTables: Sendable {
    /// Where a key of the key table is.
    package enum KeyPlace: Hashable, Sendable {
        case file(String)
        /// In the key table itself, on this line.
        case line(Int)
    }

    /// A line of the key table, for one sender's domain.
    package struct Key: Hashable, Sendable {
        package var name: String
        /// `d=`
        package var domain: DomainName
        /// `s=`
        package var selector: String
        package var place: KeyPlace
        /// The key table's file.
        package var table: String
        /// In the key table, from 1.
        package var line: Int
        /// The path is made with the sender's domain: where there is no such file, that domain has no key.
        package var isForAnyDomain: Bool

        /// The line of the key table: `/etc/opendkim/KeyTable:3`.
        package var origin: String { "\(table):\(line)" }

        /// The same but for the name, where names are patterns.
        package func isSame(as other: Key) -> Bool {
            var named = other
            named.name = name
            return self == named
        }
    }

    /// A line of the signing table that fits a sender.
    package struct Match: Hashable, Sendable {
        package var name: String
        /// `i=`; nil where there is none, or it is not within the key's domain.
        package var identity: String?
        /// nil where the key table doesn't have the name.
        package var key: Key?
        /// The line of the signing table.
        package var origin: String
    }

    let keys: KeyTable
    let senders: SenderTable
    /// The lines of the signing table by those of the key table that they name.
    let uses: [Int: [SenderTable.Row]]
    /// Those whose key is named after the sender's domain.
    let domainUses: [SenderTable.Row]
    /// The lines of the key table by their `d=`.
    let keyRows: [DomainName: [KeyTable.Row]]

    init(keys: KeyTable, senders: SenderTable) {
        self.keys = keys
        self.senders = senders
        let named = senders.rows.filter { $0.name != "%" }
        uses = Dictionary(grouping: named) { keys.row(named: $0.name)?.line ?? 0 }
        domainUses = senders.rows.filter { $0.name == "%" }
        var keyRows: [DomainName: [KeyTable.Row]] = [:]
        for row in keys.rows { if let domain = row.domain { keyRows[domain, default: []].append(row) } }
        self.keyRows = keyRows
    }

    /// The paths of keys that are known without a sender.
    package var keyFiles: [(path: String, line: Int)] {
        keys.rows.compactMap { row in
            guard case .file(let path) = row.key, !path.contains("%") else { return nil }
            return (path, row.line)
        }
    }

    /// The keys that stand in the key table itself, in base64.
    package var keysInPlace: [(text: String, line: Int)] {
        keys.rows.compactMap { row in
            guard case .text(let text) = row.key else { return nil }
            return (text, row.line)
        }
    }

    /// The lines that fit a sender, the one that counts most first.
    package func matches(_ sender: EmailAddress) -> [Match] {
        guard let domain = sender.domain else { return [] }
        return senders.rows(for: sender, in: domain).map { match($0, domain) }
    }

    /// - Parameter domain: the sender's.
    func match(_ row: SenderTable.Row, _ domain: DomainName) -> Match {
        let name = row.name == "%" ? domain.ascii : row.name
        let key = keys.key(named: name, for: domain)
        let identity = row.identity.map { $0.replacing("%", with: domain.ascii) }
        return Match(
            name: name, identity: key.flatMap { Self.identity(identity, within: $0.domain) }, key: key,
            origin: "\(senders.file):\(row.line)")
    }

    // RFC 6376 §3.5: the domain of i= is that of d= or below it.
    private static func identity(_ text: String?, within domain: DomainName) -> String? {
        guard let text, let at = text.lastIndex(of: "@"), let own = DomainName(text[text.index(after: at)...]),
            own == domain || own.isSubdomain(of: domain)
        else { return nil }
        return "\(text[..<at])@\(own.ascii)"
    }
}

extension SigningTables {
    /// Reads both tables.
    ///
    /// - Parameters:
    ///   - folder: where relative paths of keys start.
    ///   - report: told everything that is wrong. What is wrong is left out of the tables.
    package static func read(
        keys: (text: [UInt8], source: Manifest.DKIM.Table), senders: (text: [UInt8], source: Manifest.DKIM.Table),
        report: (TableDiagnostic) -> Void
    ) -> SigningTables {
        let keyTable = KeyTable(reading: keys.text, keys.source, report: report)
        let senderTable = SenderTable(reading: senders.text, senders.source, report: report)
        for row in senderTable.rows where row.name != "%" && !keyTable.has(row.name) {
            report(
                TableDiagnostic(
                    file: senderTable.file, line: row.line, "names the key `\(row.name)`, which \(keyTable.file) lacks",
                    remedy: "add a line `\(row.name) DOMAIN:SELECTOR:KEYFILE` there, or correct the name"))
        }
        return SigningTables(keys: keyTable, senders: senderTable)
    }
}

/// A line of a table: a key, blanks, a value. `#` begins a comment where a word could.
struct OpenDKIMLine {
    var number: Int
    var key: String
    var value: String

    /// - Parameter report: told of lines that are none.
    static func all(_ text: [UInt8], file: String, report: (TableDiagnostic) -> Void) -> [OpenDKIMLine] {
        var lines: [OpenDKIMLine] = []
        let start = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let all = text[start...].split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, octets) in all.enumerated() {
            guard let line = octets.tableText else {
                report(.init(file: file, line: index + 1, "is not UTF-8 text", remedy: "save the file as UTF-8"))
                continue
            }
            var words: [Substring] = []
            for word in line.split(whereSeparator: \.isWhitespace) {
                if word.first == "#" { break }
                words.append(word)
            }
            guard let key = words.first else { continue }
            guard words.count > 1 else {
                report(
                    .init(
                        file: file, line: index + 1, "has `\(key)` and nothing else",
                        remedy: "write two words a line, or remove it"))
                continue
            }
            let value = words.dropFirst().joined(separator: " ")
            lines.append(OpenDKIMLine(number: index + 1, key: String(key), value: value))
        }
        return lines
    }
}
