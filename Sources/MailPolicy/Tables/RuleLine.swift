/// A line of a table of rules, taken apart and not yet understood.
enum RuleLine {
    struct Pattern {
        /// `!` in front: holds where it doesn't match.
        var isNegated: Bool
        /// Without delimiters.
        var text: ArraySlice<UInt8>
        var flags: ArraySlice<UInt8>
    }

    case rule(Pattern, result: ArraySlice<UInt8>)
    case ifBlock(Pattern)
    case endIf

    /// How the pattern is set off from the rest.
    enum Style {
        /// Between two equal characters, with flags: `/^x/i`.
        case delimited
        /// By a blank: `192.0.2.0/24`.
        case word
    }

    init(_ line: LogicalLines.Line, style: Style) throws(RuleProblem) {
        guard !line.isIndented else {
            throw RuleProblem(
                message: "begins with a blank, but there is no line before it that it could continue",
                remedy: "remove the blanks at its start")
        }
        guard line.bytes.tableText != nil else {
            throw RuleProblem(message: "is not UTF-8 text", remedy: "save the file as UTF-8")
        }
        var rest = line.bytes.trimmingTableSpace
        if Self.take("endif", &rest) {
            guard rest.isEmpty else {
                throw RuleProblem(message: "has text behind `endif`", remedy: "write `endif` alone")
            }
            self = .endIf
            return
        }
        let isBlock = Self.take("if", &rest)
        let pattern = try Self.pattern(&rest, style)
        if isBlock {
            guard rest.isEmpty else {
                throw RuleProblem(message: "has text behind the pattern of `if`", remedy: "write the rules below it")
            }
            self = .ifBlock(pattern)
        } else {
            guard !rest.isEmpty else {
                throw RuleProblem(message: "has a pattern and no result", remedy: "write the result behind a blank")
            }
            self = .rule(pattern, result: rest)
        }
    }

    /// A word that no letter or digit follows, whatever its case.
    private static func take(_ word: String, _ rest: inout ArraySlice<UInt8>) -> Bool {
        let count = word.utf8.count
        let start = rest.prefix(count).map { $0 | 0x20 }
        let after = rest.dropFirst(count)
        guard start.elementsEqual(word.utf8), !(after.first?.isASCIILetterOrDigit ?? false) else { return false }
        rest = after.drop { $0.isTableSpace }
        return true
    }

    private static func pattern(_ rest: inout ArraySlice<UInt8>, _ style: Style) throws(RuleProblem) -> Pattern {
        var isNegated = false
        while let byte = rest.first, byte == UInt8(ascii: "!") || byte.isTableSpace {
            if !byte.isTableSpace { isNegated.toggle() }
            rest = rest.dropFirst()
        }
        switch style {
        case .delimited:
            let text = try delimited(&rest)
            let flags = rest.prefix { !$0.isTableSpace }
            rest = rest[flags.endIndex...].trimmingTableSpace
            return Pattern(isNegated: isNegated, text: text, flags: flags)
        case .word:
            let text = rest.prefix { !$0.isTableSpace }
            guard !text.isEmpty else {
                throw RuleProblem(message: "has no address", remedy: "write `192.0.2.0/24 RESULT`")
            }
            rest = rest[text.endIndex...].trimmingTableSpace
            return Pattern(isNegated: isNegated, text: text, flags: [])
        }
    }

    /// A backslash keeps the delimiter after it from ending the pattern, and stays in it.
    private static func delimited(_ rest: inout ArraySlice<UInt8>) throws(RuleProblem) -> ArraySlice<UInt8> {
        guard let delimiter = rest.first, !delimiter.isASCIILetterOrDigit, delimiter < 0x80, delimiter != 0x5C else {
            throw RuleProblem(
                message: "doesn't begin with a pattern, `if` or `endif`", remedy: "write `/PATTERN/ RESULT`")
        }
        let start = rest.startIndex + 1
        var end = start
        while end < rest.endIndex, rest[end] != delimiter {
            end += rest[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < rest.endIndex else {
            throw RuleProblem(
                message: "has a pattern without its closing `\(Character(Unicode.Scalar(delimiter)))`",
                remedy: "write `/PATTERN/ RESULT`; a slash within the pattern is `\\/`")
        }
        let text = rest[start..<end]
        rest = rest[(end + 1)...]
        return text
    }
}

/// The rules of a table in order, with the blocks that some of them stand in.
struct RuleProgram<Condition, Result> {
    fileprivate enum Step {
        case rule(Condition, Result, line: Int?)
        /// Goes on behind the step `end` when it doesn't hold.
        case ifBlock(Condition, end: Int)
        case endIf
    }

    fileprivate var steps: [Step] = []
    private var open: [(step: Int, line: Int?)] = []
    private(set) var rules = 0

    mutating func append(_ condition: Condition, _ result: Result, line: Int?) {
        steps.append(.rule(condition, result, line: line))
        rules += 1
    }

    mutating func begin(_ condition: Condition, line: Int?) {
        open.append((steps.count, line))
        steps.append(.ifBlock(condition, end: steps.count))
    }

    mutating func end() throws(RuleProblem) {
        guard let start = open.popLast() else {
            throw RuleProblem(message: "has an `endif` without its `if`", remedy: "remove it, or write the `if`")
        }
        if case .ifBlock(let condition, _) = steps[start.step] {
            steps[start.step] = .ifBlock(condition, end: steps.count)
        }
        steps.append(.endIf)
    }

    /// The lines of blocks that were not ended.
    var unended: [Int?] { open.map(\.line) }

    /// The first rule whose condition holds, in blocks whose conditions hold.
    func first<Match>(
        where holds: (Condition) throws(TableFailure) -> Match?
    ) throws(TableFailure) -> (result: Result, match: Match, line: Int?)? {
        var index = 0
        while index < steps.count {
            switch steps[index] {
            case .rule(let condition, let result, let line):
                if let match = try holds(condition) { return (result, match, line) }
            case .ifBlock(let condition, let end):
                if try holds(condition) == nil { index = end }
            case .endIf:
                break
            }
            index += 1
        }
        return nil
    }
}

extension RuleProgram: Sendable where Condition: Sendable, Result: Sendable {}
extension RuleProgram.Step: Sendable where Condition: Sendable, Result: Sendable {}
