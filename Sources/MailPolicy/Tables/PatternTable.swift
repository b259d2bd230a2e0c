import Synchronization

/// A table of regular expressions; the first rule that matches answers.
package final class PatternTable: Sendable {
    /// Which language the patterns are written in.
    enum Language {
        case posix
        case perl
    }

    private enum Pattern {
        case posix(POSIXPattern)
        case perl(PerlPattern)

        init(_ written: RuleLine.Pattern, _ language: Language) throws(RuleProblem) {
            switch language {
            case .posix: self = .posix(try POSIXPattern(written.text, flags: written.flags))
            case .perl: self = .perl(try PerlPattern(written.text, flags: written.flags))
            }
        }

        var groups: Int {
            switch self {
            case .posix(let pattern): pattern.groups
            case .perl(let pattern): pattern.groups
            }
        }

        func match(_ subject: UnsafeBufferPointer<UInt8>, groups: Int) throws(TableFailure) -> PatternMatch {
            switch self {
            case .posix(let pattern): try pattern.match(subject, groups: groups)
            case .perl(let pattern): try pattern.match(subject, groups: groups)
            }
        }
    }

    private struct Condition {
        var pattern: Pattern
        var isNegated: Bool
        /// How many groups the result asks for.
        var groups = 0

        /// What the groups matched; nil when it doesn't hold.
        func holds(_ subject: UnsafeBufferPointer<UInt8>) throws(TableFailure) -> [Range<Int>?]? {
            switch try pattern.match(subject, groups: groups) {
            case .matched(let found): isNegated ? nil : found
            case .unmatched: isNegated ? [] : nil
            }
        }
    }

    private typealias Program = RuleProgram<Condition, ReplacementTemplate>

    /// Compiled patterns and their working memory are for one thread at a time.
    private let program: Mutex<Program>
    private let file: String

    private init(_ program: consuming sending Program, file: String) {
        self.program = Mutex(program)
        self.file = file
    }

    /// - Throws: where a pattern exceeds its limits on this key.
    package func lookup(_ key: String) throws(TableFailure) -> TableAnswer? {
        let found = try program.withLock { program throws(TableFailure) in try Self.search(program, key) }
        return found.map { TableAnswer(value: $0.value, origin: $0.line.map { "\(file):\($0)" } ?? file) }
    }

    private static func search(
        _ program: borrowing Program, _ key: String
    ) throws(TableFailure) -> (value: String, line: Int?)? {
        var key = key
        // The closure of the standard library throws anything, or nothing.
        let outcome = key.withUTF8 { subject in
            Result { () throws(TableFailure) in try search(program, subject) }
        }
        return try outcome.get()
    }

    private static func search(
        _ program: borrowing Program, _ subject: UnsafeBufferPointer<UInt8>
    ) throws(TableFailure) -> (value: String, line: Int?)? {
        let found = try program.first { condition throws(TableFailure) in try condition.holds(subject) }
        guard let found else { return nil }
        let value = found.result.expanded { group in
            let range = group < found.match.count ? found.match[group] : nil
            return range.map { UnsafeBufferPointer(rebasing: subject[$0]) } ?? .init(start: nil, count: 0)
        }
        return (value, found.line)
    }

    /// - Parameter allowsGroups: false where a sender must not shape the result.
    static func read(
        _ lines: [NumberedLine], in language: Language, file: String, allowsGroups: Bool,
        report: (TableDiagnostic) -> Void
    ) -> PatternTable {
        var program = Program()
        for line in lines {
            do throws(RuleProblem) {
                try append(line, to: &program, language, allowsGroups: allowsGroups)
            } catch {
                report(.init(file: file, line: line.number, error.message, remedy: error.remedy))
            }
        }
        for line in program.unended { report(.unended(file, line)) }
        return PatternTable(program, file: file)
    }

    private static func append(
        _ line: NumberedLine, to program: inout Program, _ language: Language, allowsGroups: Bool
    ) throws(RuleProblem) {
        switch try RuleLine(line.content, style: .delimited) {
        case .ifBlock(let pattern):
            let condition = Condition(pattern: try Pattern(pattern, language), isNegated: pattern.isNegated)
            program.begin(condition, line: line.number)
        case .endIf:
            try program.end()
        case .rule(let written, let text):
            let result = try ReplacementTemplate(text)
            let pattern = try Pattern(written, language)
            try check(result, pattern, isNegated: written.isNegated, allowsGroups)
            let condition = Condition(
                pattern: pattern, isNegated: written.isNegated, groups: result.highestGroup)
            program.append(condition, result, line: line.number)
        }
    }

    private static func check(
        _ result: ReplacementTemplate, _ pattern: Pattern, isNegated: Bool, _ allowsGroups: Bool
    ) throws(RuleProblem) {
        guard result.highestGroup > 0 else { return }
        guard allowsGroups else {
            throw RuleProblem(
                message: "has a `$` in its result, where what a sender writes must not decide where mail goes",
                remedy: "write the result out; a `$` itself is `$$`")
        }
        guard !isNegated else {
            throw RuleProblem(
                message: "has a `$` in the result of a pattern with `!`, which has no groups",
                remedy: "write the result out; a `$` itself is `$$`")
        }
        guard result.highestGroup <= pattern.groups else {
            throw RuleProblem(
                message: "asks for group \(result.highestGroup) of a pattern that has \(pattern.groups)",
                remedy: "write brackets round what the result needs")
        }
    }
}
