import MailConfig
package import MailPolicy
import MailSyntax
import SQLEngine
import Synchronization

/// What happens to tables while they are in use.
package enum TableEvent: Sendable, Hashable {
    /// Said once for each state of the file; the last good table answers.
    case failed(TableDiagnostic)
    /// Something in a table that is used all the same.
    case warning(TableDiagnostic)
    case readAgain(path: String)
}

/// A table in a file, read again when the file changed: looked at on use, twice a second at the most.
package final class FileTable: Sendable {
    private struct State {
        var table: LookupTable
        var signature: FileSignature
        var endsWithNewline: Bool
        /// What was last said of the file, so that it is said once.
        var complaint: Complaint?
        var lookedAt: Timestamp
        var isReading = false
    }

    private struct Complaint: Hashable {
        var signature: FileSignature?
        var diagnostic: TableDiagnostic
    }

    /// Between two looks at the file.
    private static let interval = Duration.milliseconds(500)
    /// A file that was written to more recently may be written to still.
    private static let settling: Int64 = 250_000_000

    private let path: String
    private let format: TableSource.Format
    private let allowsGroups: Bool
    private let report: @Sendable (TableEvent) -> Void
    private let clock: any WallClock
    private let state: Mutex<State>

    /// - Throws: everything that is wrong with the file; warnings are added to `warnings`.
    init(
        _ path: String, as format: TableSource.Format, allowsGroups: Bool, clock: any WallClock,
        warnings: inout [TableDiagnostic], report: @escaping @Sendable (TableEvent) -> Void
    ) throws(TableErrors) {
        self.path = path
        self.format = format
        self.allowsGroups = allowsGroups
        self.report = report
        self.clock = clock
        let octets: [UInt8]
        let signature: FileSignature
        do throws(TableFileError) {
            (octets, signature) = try TableFile.read(path)
        } catch {
            throw TableErrors([Self.diagnostic(error, path, format)])
        }
        let reading = LookupTable.read(octets, as: format, file: path, allowsGroups: allowsGroups)
        let errors = Self.isCompiled(octets, path) ? [Self.compiled(path)] : reading.errors
        guard errors.isEmpty else { throw TableErrors(errors) }
        if let other = Self.otherCompiledForm(of: path, signature, reading.table) { throw TableErrors([other]) }
        warnings += reading.warnings
        state = Mutex(
            State(
                table: reading.table, signature: signature, endsWithNewline: octets.last == 0x0A,
                lookedAt: clock.now()))
    }

    /// Looks at the file when it is time to.
    package func lookup(_ key: String, isWhole: Bool) throws(TableFailure) -> TableAnswer? {
        try current().lookup(key, isWhole: isWhole)
    }

    private func current() -> LookupTable {
        let now = clock.now()
        let (table, last) = state.withLock { state -> (LookupTable, FileSignature?) in
            let passed = now.since(state.lookedAt)
            // A clock that was set back must not keep a table from being looked at.
            guard !state.isReading, passed >= Self.interval || passed < .zero else { return (state.table, nil) }
            state.lookedAt = now
            return (state.table, state.signature)
        }
        guard let last else { return table }
        return look(last, now) ?? table
    }

    /// The new table, when there is one.
    private func look(_ last: FileSignature, _ now: Timestamp) -> LookupTable? {
        switch FileSignature.of(path) {
        case .failure(let error):
            complain(nil, Self.diagnostic(error, path, format))
            return nil
        case .success(let signature):
            guard signature != last else {
                recover()
                return nil
            }
            let age = now.microseconds.multipliedReportingOverflow(by: 1000).partialValue &- signature.modified
            guard !(0..<Self.settling).contains(age), begin(signature) else { return nil }
            defer { state.withLock { $0.isReading = false } }
            return readAgain()
        }
    }

    /// False while somebody reads it, and for a file that is known to be bad.
    private func begin(_ signature: FileSignature) -> Bool {
        state.withLock { state in
            guard !state.isReading, state.complaint?.signature != signature else { return false }
            state.isReading = true
            return true
        }
    }

    private func readAgain() -> LookupTable? {
        do throws(TableFileError) {
            let (octets, signature) = try TableFile.read(path)
            let reading = LookupTable.read(octets, as: format, file: path, allowsGroups: allowsGroups)
            if let problem = reading.errors.first ?? truncation(octets) {
                complain(signature, problem)
                return nil
            }
            for warning in reading.warnings { report(.warning(warning)) }
            state.withLock {
                $0.table = reading.table
                $0.signature = signature
                $0.endsWithNewline = octets.last == 0x0A
                $0.complaint = nil
            }
            report(.readAgain(path: path))
            return reading.table
        } catch {
            complain(nil, Self.diagnostic(error, path, format))
            return nil
        }
    }

    /// A file that has lost all it had, or its last line end, is not a table that somebody wrote.
    private func truncation(_ octets: [UInt8]) -> TableDiagnostic? {
        let (size, ended) = state.withLock { ($0.signature.size, $0.endsWithNewline) }
        guard size > 0 else { return nil }
        if octets.isEmpty {
            return TableDiagnostic(
                file: path, "the file is empty now", remedy: "restore it, or write a comment (`#`) for an empty table")
        }
        guard ended, octets.last != 0x0A, octets.count < Int(size) else { return nil }
        return TableDiagnostic(
            file: path, "the file got shorter and its last line doesn't end",
            remedy: "restore it, or end its last line")
    }

    private func complain(_ signature: FileSignature?, _ diagnostic: TableDiagnostic) {
        let complaint = Complaint(signature: signature, diagnostic: diagnostic)
        let isNew = state.withLock { state in
            defer { state.complaint = complaint }
            return state.complaint != complaint
        }
        if isNew { report(.failed(diagnostic)) }
    }

    /// The file is again what it was when it was good.
    private func recover() {
        let wasBad = state.withLock { state in
            defer { state.complaint = nil }
            return state.complaint != nil
        }
        if wasBad { report(.readAgain(path: path)) }
    }
}

// MARK: - What is wrong

extension FileTable {
    private static func diagnostic(
        _ error: TableFileError, _ path: String, _ format: TableSource.Format
    ) -> TableDiagnostic {
        if format == .text, case .failure = FileSignature.of(path), let form = TableFile.compiledForm(of: path) {
            return TableDiagnostic(
                file: path, "there is only the compiled form \(form.path)",
                remedy: "write the text it was made from: `postmap -s TYPE:\(path) > \(path)` on the old server")
        }
        return TableDiagnostic(file: path, error.message, remedy: error.remedy)
    }

    private static func isCompiled(_ octets: [UInt8], _ path: String) -> Bool {
        TableFile.isCompiledName(path) && octets.prefix(4096).contains(0)
    }

    private static func compiled(_ path: String) -> TableDiagnostic {
        TableDiagnostic(
            file: path, "is a compiled table", remedy: "name the text file that it was made from, without its ending")
    }

    /// `postmap` writes the compiled form after the text, which is as it should be; one that was made from another text
    /// is not.
    private static func otherCompiledForm(
        of path: String, _ text: FileSignature, _ table: LookupTable
    ) -> TableDiagnostic? {
        guard case .text(let entries) = table, let form = TableFile.compiledForm(of: path),
            form.signature.modified > text.modified, !TableFile.contains(entries.sampleKeys, in: form.path)
        else { return nil }
        return TableDiagnostic(
            file: path, "the compiled form \(form.path) is newer and was made from another text",
            remedy: "see which of the two is right; then run `postmap` again, or remove \(form.path)")
    }
}

/// What keeps tables from being used.
package struct TableErrors: Error, CustomStringConvertible {
    package let diagnostics: [TableDiagnostic]

    package init(_ diagnostics: [TableDiagnostic]) {
        self.diagnostics = diagnostics
    }

    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
