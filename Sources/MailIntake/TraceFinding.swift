package import MailPolicy
import MailSyntax
import SQLEngine

/// What one check of a stranger's message has found, as its history tells it.
package struct TraceFinding: Sendable, Hashable {
    /// The rules of the steps that tell what was found. // RFC 8601 §2.7
    package enum Method: String, Sendable, CaseIterable {
        case iprev
        case spf
        case dkim
        case arc
        case dmarc
    }

    package var method: Method
    package var result: AuthenticationWord

    package init(_ method: Method, _ result: AuthenticationWord) {
        self.method = method
        self.result = result
    }

    /// `spf=fail`
    var text: String { "\(method.rawValue)=\(result.rawValue)" }

    /// All that stand in the steps of a history, as `[TraceStep].json` writes them.
    static func all(in json: String) -> Set<TraceFinding> {
        var found: Set<TraceFinding> = []
        var rest = json.utf8[...]
        while let start = rest.firstRange(of: mark) {
            rest = rest[start.upperBound...]
            var reader = StepReader(rest: rest)
            if let finding = reader.finding() { found.insert(finding) }
        }
        return found
    }

    private static let mark = Array("{\"stage\":\"\(TraceStage.authentication)\",\"rule\":".utf8)
}

/// Reads one step from its rule on.
private struct StepReader {
    var rest: Substring.UTF8View

    mutating func finding() -> TraceFinding? {
        guard let method = string().flatMap({ TraceFinding.Method(rawValue: $0) }) else { return nil }
        while take(","), let name = string(), take(":"), let value = string() {
            guard name == "after" else { continue }
            return AuthenticationWord(rawValue: value).map { TraceFinding(method, $0) }
        }
        return nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Escapes are left as they stand: no name and no word that is looked for has one.
    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var end = rest.startIndex
        while end < rest.endIndex, rest[end] != UInt8(ascii: "\"") {
            if rest[end] == UInt8(ascii: "\\") { end = rest.index(after: end) }
            guard end < rest.endIndex else { return nil }
            end = rest.index(after: end)
        }
        guard end < rest.endIndex else { return nil }
        defer { rest = rest[rest.index(after: end)...] }
        return String(Substring(rest[..<end]))
    }
}

extension MailIntake {
    /// Rows that are looked through at once.
    private static let page = 500

    /// Messages of which all was found, newest first: what is not in the index yet, then by the index of the first, which
    /// the others are looked up beside.
    static func find(_ reader: any SQLReader, _ findings: [TraceFinding], _ limit: Int) throws -> [MailID] {
        guard let first = findings.first else { return [] }
        let wanted = Set(findings)
        let indexed = try reader.first(TraceIndexStatements.indexed, map: { $0.int64(0) }) ?? 0
        var found = try recent(reader, first, wanted, after: indexed, limit)
        let key = TraceKeys.key(.finding, first.text)
        var below = Int64.max
        while found.count < limit {
            let ids = try reader.query(TraceSearchStatements.findBelow, key, below, page) {
                MailID(rawValue: $0.int64(0))
            }
            for id in ids where found.count < limit {
                guard let steps = try reader.first(TraceSearchStatements.steps, id, map: { $0.string(0) }) else {
                    continue
                }
                if TraceFinding.all(in: steps).isSuperset(of: wanted) { found.append(id) }
            }
            guard ids.count == page, let last = ids.last else { break }
            below = last.rawValue
        }
        return found
    }

    private static func recent(
        _ reader: any SQLReader, _ first: TraceFinding, _ wanted: Set<TraceFinding>, after indexed: Int64, _ limit: Int
    ) throws -> [MailID] {
        let pattern = "%\"rule\":\"\(first.method.rawValue)\",%\"after\":\"\(first.result.rawValue)\"%"
        var found: [MailID] = []
        var before = Int64.max
        while found.count < limit {
            let entries = try reader.query(TraceSearchStatements.recentSteps, indexed, before, pattern, page) {
                (id: MailID(rawValue: $0.int64(0)), steps: $0.string(4))
            }
            found += entries.lazy.filter { TraceFinding.all(in: $0.steps).isSuperset(of: wanted) }.map(\.id)
            guard entries.count == page, let last = entries.last else { break }
            before = last.id.rawValue
        }
        return Array(found.prefix(limit))
    }
}
