import Glibc
package import MailAuth
package import MailConfig
package import MailPolicy
import MailSyntax
package import SQLEngine
import Synchronization

/// OpenDKIM's tables with the keys they name, decoded: one state of them, all of which fits together.
package struct SigningKeySet: Sendable {
    package let tables: SigningTables
    fileprivate var keys: [SigningTables.KeyPlace: DKIMSigningKey] = [:]
    /// Of the files that all this was read from.
    fileprivate var signatures: [String: FileSignature] = [:]
    /// Keys of files that are known only with a sender.
    fileprivate let others: SenderKeys

    fileprivate init(tables: SigningTables, others: SenderKeys) {
        self.tables = tables
        self.others = others
    }

    /// The key of a line of the key table; nil where it is made for any domain, and this one has none.
    ///
    /// - Throws: why the key can't be used.
    package func key(_ key: SigningTables.Key) throws(TableFailure) -> DKIMSigningKey? {
        if let known = keys[key.place] { return known }
        guard case .file(let path) = key.place, key.isForAnyDomain else {
            throw TableFailure("\(key.origin): the key \(key.name) can't be used")
        }
        return try others.key(path)
    }
}

/// OpenDKIM's key table and signing table in files, with the keys they name. All of them are looked at on use, twice a
/// second at the most, and read again together: a bad file or key leaves the last good state of all in force.
package final class SigningTableFiles: Sendable {
    private struct State {
        var set: SigningKeySet
        /// The files as they were when they were last read, whether that was in vain or not.
        var seen: [String: FileSignature?]
        var lookedAt: Timestamp
        var isReading = false
        /// What was last said to be wrong, so that it is said once.
        var complaint: [TableDiagnostic] = []
    }

    private typealias Tables = (keys: Manifest.DKIM.Table, senders: Manifest.DKIM.Table)

    /// Between two looks at the files.
    private static let interval = Duration.milliseconds(500)
    /// A file that was written to more recently may be written to still.
    private static let settling: Int64 = 250_000_000

    private let keyTable: Manifest.DKIM.Table
    private let signingTable: Manifest.DKIM.Table
    private let owners: Set<uid_t>
    private let clock: any WallClock
    private let report: @Sendable (TableEvent) -> Void
    private let state: Mutex<State>

    /// nil where the manifest names no tables.
    ///
    /// - Throws: everything that is wrong with tables and keys.
    package init?(
        _ manifest: Manifest, clock: any WallClock = SystemClock(),
        report: @escaping @Sendable (TableEvent) -> Void = { _ in }
    ) throws(TableErrors) {
        guard let keyTable = manifest.dkim.keyTable, let signingTable = manifest.dkim.signingTable else { return nil }
        self.keyTable = keyTable
        self.signingTable = signingTable
        self.clock = clock
        self.report = report
        owners = SigningKeyFile.owners(manifest.server.user)
        let reading = Self.read((keyTable, signingTable), owners, SenderKeys(owners: owners, report: report), nil)
        guard let set = reading.set else { throw TableErrors(reading.diagnostics) }
        state = Mutex(State(set: set, seen: set.signatures.mapValues { $0 }, lookedAt: clock.now()))
    }

    /// Looks at the files when it is time to.
    package func current() -> SigningKeySet {
        let now = clock.now()
        let (set, seen) = state.withLock { state -> (SigningKeySet, [String: FileSignature?]?) in
            let passed = now.since(state.lookedAt)
            // A clock that was set back must not keep the files from being looked at.
            guard !state.isReading, passed >= Self.interval || passed < .zero else { return (state.set, nil) }
            state.lookedAt = now
            state.isReading = true
            return (state.set, state.seen)
        }
        guard let seen else { return set }
        defer { state.withLock { $0.isReading = false } }
        let found = Self.signatures(seen.keys)
        guard found != seen, !found.values.contains(where: { $0.map { Self.isSettling($0, now) } ?? false })
        else { return set }
        return readAgain(after: set, paths: seen.keys) ?? set
    }

    private static func isSettling(_ signature: FileSignature, _ now: Timestamp) -> Bool {
        let age = now.microseconds.multipliedReportingOverflow(by: 1000).partialValue &- signature.modified
        return (0..<settling).contains(age)
    }

    private func readAgain(after last: SigningKeySet, paths: some Sequence<String>) -> SigningKeySet? {
        let others = SenderKeys(owners: owners, report: report)
        let reading = Self.read((keyTable, signingTable), owners, others, last)
        // What new tables name in vain is looked at too: it may be mended alone.
        let watched = reading.set.map { Array($0.signatures.keys) } ?? Array(Set(paths).union(reading.paths))
        let seen = Self.signatures(watched)
        let isNews = state.withLock { state in
            defer { state.complaint = reading.diagnostics }
            state.seen = seen
            if let set = reading.set { state.set = set }
            return state.complaint != reading.diagnostics
        }
        if reading.set != nil { report(.readAgain(path: signingTable.path)) }
        if isNews { for diagnostic in reading.diagnostics { report(.failed(diagnostic)) } }
        return reading.set
    }

    private static func signatures(_ paths: some Sequence<String>) -> [String: FileSignature?] {
        var found: [String: FileSignature?] = [:]
        for path in paths { found.updateValue(try? FileSignature.of(path).get(), forKey: path) }
        return found
    }

    // MARK: - Reading

    private struct Reading {
        /// nil where something is wrong.
        var set: SigningKeySet? { diagnostics.isEmpty ? found : nil }
        /// What could be read; nil where a table could not.
        var found: SigningKeySet?
        var diagnostics: [TableDiagnostic] = []
        /// Every file that was to be read.
        var paths: [String]
    }

    /// - Parameter last: what is in force.
    private static func read(
        _ tables: Tables, _ owners: Set<uid_t>, _ others: SenderKeys, _ last: SigningKeySet?
    ) -> Reading {
        var reading = Reading(paths: [tables.keys.path, tables.senders.path])
        var texts: [String: [UInt8]] = [:]
        var signatures: [String: FileSignature] = [:]
        for path in reading.paths {
            do throws(TableFileError) {
                let (text, signature) = try TableFile.read(path)
                if last?.signatures[path].map({ $0.size > 0 }) ?? false, text.isEmpty {
                    throw TableFileError(
                        "the file is empty now", remedy: "restore it, or write a comment (`#`) for an empty table")
                }
                texts[path] = text
                signatures[path] = signature
            } catch {
                reading.diagnostics.append(TableDiagnostic(file: path, error.message, remedy: error.remedy))
            }
        }
        guard let keys = texts[tables.keys.path], let senders = texts[tables.senders.path] else { return reading }
        let parsed = SigningTables.read(keys: (keys, tables.keys), senders: (senders, tables.senders)) {
            reading.diagnostics.append($0)
        }
        var set = SigningKeySet(tables: parsed, others: others)
        set.signatures = signatures
        reading.paths += parsed.keyFiles.map(\.path)
        reading.diagnostics += readKeys(of: tables.keys.path, into: &set, owners)
        reading.found = set
        return reading
    }

    private static func readKeys(
        of table: String, into set: inout SigningKeySet, _ owners: Set<uid_t>
    ) -> [TableDiagnostic] {
        var diagnostics: [TableDiagnostic] = []
        for (path, line) in set.tables.keyFiles where set.keys[.file(path)] == nil {
            do throws(TableFileError) {
                let (key, signature) = try SigningKeyFile.read(path, owners: owners)
                set.keys[.file(path)] = key
                set.signatures[path] = signature
            } catch {
                diagnostics.append(
                    TableDiagnostic(file: table, line: line, "\(path) \(error.message)", remedy: error.remedy))
            }
        }
        for (text, line) in set.tables.keysInPlace {
            do throws(DKIMKeyError) {
                set.keys[.line(line)] = try DKIMSigningKey(base64: text)
            } catch {
                diagnostics.append(
                    TableDiagnostic(
                        file: table, line: line, "has a key that can't be used: \(error)",
                        remedy: "write the key to a file, and its path here"))
            }
        }
        return diagnostics
    }
}

// MARK: - Looking

/// OpenDKIM's tables and their keys as a person wants to see them: what signs, and what is wrong.
package struct SigningExamination: Sendable {
    /// What is in force, or would be; nil where a table can't be read.
    package let tables: SigningTables?
    /// All that is wrong with the files as they are now. While there is anything, nothing in them that is new takes
    /// effect.
    package let problems: [TableDiagnostic]
    private let set: SigningKeySet?
    /// In force, where a server runs.
    private let last: SigningKeySet?
    private let owners: Set<uid_t>

    fileprivate init(
        _ found: SigningKeySet?, _ problems: [TableDiagnostic], last: SigningKeySet?, owners: Set<uid_t>
    ) {
        set = problems.isEmpty ? found : last ?? found
        tables = set?.tables
        self.problems = problems
        self.last = last
        self.owners = owners
    }

    /// The key of a line and what is wrong with it: both where the last good key of a bad file is in force, neither where
    /// a line is made for any domain and this one has no file.
    package func look(at key: SigningTables.Key) -> (key: DKIMSigningKey?, problem: TableDiagnostic?) {
        guard case .file(let path) = key.place, key.isForAnyDomain else {
            return (set?.keys[key.place], problems.first { $0.place == key.origin })
        }
        guard !SigningKeyFile.isMissing(path) else { return (nil, nil) }
        do throws(TableFileError) {
            return (try SigningKeyFile.read(path, owners: owners).0, nil)
        } catch {
            let problem = TableDiagnostic(
                file: key.table, line: key.line, "\(path) \(error.message)", remedy: error.remedy)
            return (last?.others.last(path), problem)
        }
    }
}

extension SigningTableFiles {
    /// Reads all of it now, and changes nothing.
    package func examine() -> SigningExamination {
        let last = current()
        let reading = Self.read((keyTable, signingTable), owners, SenderKeys(owners: owners, report: { _ in }), last)
        return SigningExamination(reading.found, reading.diagnostics, last: last, owners: owners)
    }

    /// The same where none are in force; nil where the manifest names none.
    package static func examine(_ manifest: Manifest) -> SigningExamination? {
        guard let keyTable = manifest.dkim.keyTable, let signingTable = manifest.dkim.signingTable else { return nil }
        let owners = SigningKeyFile.owners(manifest.server.user)
        let reading = read((keyTable, signingTable), owners, SenderKeys(owners: owners, report: { _ in }), nil)
        return SigningExamination(reading.found, reading.diagnostics, last: nil, owners: owners)
    }
}
