import Glibc
import MailConfig
import MailPolicy
import MailTables

/// What `martlet table` does; none of it needs a server, and nothing is changed.
package enum TableCommands {
    /// One question with its answer.
    package struct Outcome: Encodable, Sendable {
        package struct Asked: Encodable, Sendable {
            var key: String
            var value: String?
        }

        var question: String
        /// nil when no table has it.
        package var value: String?
        /// Where the value was written.
        var origin: String?
        /// The `+ext` that the key was found without.
        var tag: String?
        /// The keys that were tried, in order; empty where the question is the key.
        var asked: [Asked]
    }

    /// Reads every table of the manifest.
    ///
    /// - Throws: `AdminError` with everything that is wrong.
    package static func check(_ option: String?) throws -> String {
        let manifest = try ManifestFile.load(try ManifestFile.locate(option)).manifest
        let set = try LookupTables.load(manifest)
        var lines = set.warnings.map { "warning: \($0)" }
        for purpose in TablePurpose.allCases {
            for source in manifest.tables(for: purpose) {
                lines.append("\(purpose.rawValue): \(source.shown) [\(source.origin)]")
            }
        }
        lines.append(set.count == 0 ? "the manifest names no tables" : "no errors in \(set.count) tables")
        return lines.map { "\($0)\n" }.joined()
    }

    /// Asks a table, or the tables of a purpose.
    ///
    /// - Parameters:
    ///   - table: `virtual`, or `TYPE:PATH` for one table that need not be in the manifest.
    ///   - keys: `-` stands for the lines of standard input.
    /// - Throws: `AdminError`: `.temporary` when a table can't answer.
    package static func query(_ option: String?, table: String, keys: [String]) async throws -> [Outcome] {
        let keys = keys == ["-"] ? standardInput() : keys
        if let purpose = TablePurpose(rawValue: table) {
            return try await ask(purpose, of: try ManifestFile.load(try ManifestFile.locate(option)), keys)
        }
        guard table.contains(":") || table.contains("/") else {
            throw AdminError(
                .usage, "there is no purpose `\(table)`",
                remedy: "name one of \(TablePurpose.allCases.map(\.rawValue).joined(separator: ", ")), or TYPE:PATH")
        }
        return try await ask(table, keys)
    }

    private static func ask(_ text: String, _ keys: [String]) async throws -> [Outcome] {
        let set: TableSet
        do {
            let source = try TableSource.parse(text, relativeTo: "", origin: text)
            set = try TableSet([(.virtual, [source])])
        } catch let problem as ValueProblem {
            throw AdminError(.usage, "\(text) \(problem.message)", remedy: problem.remedy)
        } catch let errors as TableErrors {
            throw AdminError(.config, errors.description)
        }
        let store = TableStore(set)
        var outcomes: [Outcome] = []
        for key in keys {
            switch await store.answer(.virtual, key: key, isWhole: true) {
            case .table(let answer):
                outcomes.append(Outcome(question: key, value: answer?.value, origin: answer?.origin, asked: []))
            case let other: throw failure(other)
            }
        }
        return outcomes
    }

    private static func ask(
        _ purpose: TablePurpose, of loaded: LoadedManifest, _ keys: [String]
    ) async throws -> [Outcome] {
        let store = TableStore(try LookupTables.load(loaded.manifest))
        let rules = PolicyRules(loaded)
        var outcomes: [Outcome] = []
        for key in keys {
            var asked: [Outcome.Asked] = []
            let (found, _) = try await Policy.run {
                Policy.find(key, in: purpose, rules: rules, $0)
            } answer: { lookup in
                guard case .table(let purpose, let key, let isWhole) = lookup else { return .unavailable("no table") }
                let answer = await store.answer(purpose, key: key, isWhole: isWhole)
                var value: String?
                if case .table(let answer?) = answer { value = answer.value }
                asked.append(Outcome.Asked(key: key, value: value))
                return answer
            }
            switch found {
            case .found(let answer, let tag):
                outcomes.append(
                    Outcome(question: key, value: answer.value, origin: answer.origin, tag: tag, asked: asked))
            case .notFound, .asking:
                outcomes.append(Outcome(question: key, asked: asked))
            case .unavailable(let reason):
                throw failure(.unavailable(reason))
            }
        }
        return outcomes
    }

    private static func failure(_ answer: Answer) -> AdminError {
        guard case .unavailable(let reason) = answer else { return AdminError(.software, "a table has no answer") }
        return AdminError(.temporary, reason, remedy: "mail that asks this is deferred until the table answers")
    }

    private static func standardInput() -> [String] {
        var keys: [String] = []
        while let line = readLine() { keys.append(line) }
        return keys
    }
}

extension TableCommands {
    /// One question: the value alone, or, of a purpose, the keys that were tried. Several: a line each, as `postmap -q -`.
    package static func text(_ outcomes: [Outcome], isOne: Bool) -> String {
        guard isOne, let only = outcomes.first else {
            return outcomes.compactMap { outcome in outcome.value.map { "\(outcome.question)\t\($0)\n" } }.joined()
        }
        guard !only.asked.isEmpty else { return only.value.map { "\($0)\n" } ?? "" }
        var text = ""
        for asked in only.asked {
            guard let value = asked.value, value == only.value else {
                text += "\(asked.key): not found\n"
                continue
            }
            let tag = only.tag.map { "; without \($0)" } ?? ""
            return text + "\(asked.key): \(value) [\(only.origin ?? "")\(tag)]\n"
        }
        return text
    }

    package static func json(_ outcomes: [Outcome]) throws -> String { try PrettyJSON.text(outcomes) + "\n" }
}

extension TableSource {
    /// Without what stands in the manifest itself: it may be a password.
    fileprivate var shown: String {
        switch content {
        case .file: description
        case .entries(let entries): "\(entries.count) entries"
        case .rules(let rules): "\(format.rawValue), \(rules.count) rules"
        case .value: "static"
        case .members(let members): "\(format.rawValue) of \(members.map(\.shown).joined(separator: ", "))"
        }
    }
}
