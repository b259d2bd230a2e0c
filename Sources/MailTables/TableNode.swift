import MailConfig
import MailPolicy
import MailSyntax
import SQLEngine

/// A table ready to be asked.
indirect enum TableNode: Sendable {
    /// Of the manifest itself.
    case fixed(LookupTable)
    case file(FileTable)
    case query(SQLiteTable)
    case union([TableNode])
    case pipe([TableNode])

    /// All but queries answer at once.
    var isImmediate: Bool {
        switch self {
        case .fixed, .file: true
        case .query: false
        case .union(let members), .pipe(let members): members.allSatisfy(\.isImmediate)
        }
    }

    /// The answer of a table that is immediate; nil for others, which `lookup` asks.
    func lookupNow(_ key: String, isWhole: Bool) throws(TableFailure) -> TableAnswer? {
        switch self {
        case .fixed(let table): return try table.lookup(key, isWhole: isWhole)
        case .file(let table): return try table.lookup(key, isWhole: isWhole)
        case .query: return nil
        case .union(let members):
            var answers: [TableAnswer] = []
            for member in members {
                if let answer = try member.lookupNow(key, isWhole: isWhole) { answers.append(answer) }
            }
            return Self.joined(answers)
        case .pipe(let members):
            var answer: TableAnswer?
            for member in members {
                answer = try member.lookupNow(answer?.value ?? key, isWhole: isWhole)
                if answer == nil { return nil }
            }
            return answer
        }
    }

    func lookup(_ key: String, isWhole: Bool) async throws(TableFailure) -> TableAnswer? {
        switch self {
        case .query(let table): return try await table.lookup(key)
        case .union(let members) where !isImmediate:
            var answers: [TableAnswer] = []
            for member in members {
                if let answer = try await member.lookup(key, isWhole: isWhole) { answers.append(answer) }
            }
            return Self.joined(answers)
        case .pipe(let members) where !isImmediate:
            var answer: TableAnswer?
            for member in members {
                answer = try await member.lookup(answer?.value ?? key, isWhole: isWhole)
                if answer == nil { return nil }
            }
            return answer
        default: return try lookupNow(key, isWhole: isWhole)
        }
    }

    private static func joined(_ answers: [TableAnswer]) -> TableAnswer? {
        guard let first = answers.first else { return nil }
        return TableAnswer(value: answers.map(\.value).joined(separator: ","), origin: first.origin)
    }
}
