import MailConfig
import MailSyntax

/// A table of networks; the first rule that holds the address answers.
package struct CIDRTable: Sendable {
    private struct Condition: Sendable {
        var network: IPNetwork
        var isNegated: Bool
    }

    private var program = RuleProgram<Condition, String>()
    private let file: String

    /// nil for what is no address, too.
    package func lookup(_ key: String) -> TableAnswer? {
        guard let address = IPAddress(key) else { return nil }
        let found = try? program.first { condition -> Void? in
            // Of the other family, `!` says nothing either.
            guard condition.network.base.isV6 == address.isV6 else { return nil }
            return condition.network.contains(address) != condition.isNegated ? () : nil
        }
        guard let found else { return nil }
        return TableAnswer(value: found.result, origin: found.line.map { "\(file):\($0)" } ?? file)
    }

    static func read(_ lines: [NumberedLine], file: String, report: (TableDiagnostic) -> Void) -> CIDRTable {
        var table = CIDRTable(file: file)
        for line in lines {
            do throws(RuleProblem) {
                try table.append(line)
            } catch {
                report(.init(file: file, line: line.number, error.message, remedy: error.remedy))
            }
        }
        for line in table.program.unended { report(.unended(file, line)) }
        return table
    }

    private init(file: String) {
        self.file = file
    }

    private mutating func append(_ line: NumberedLine) throws(RuleProblem) {
        switch try RuleLine(line.content, style: .word) {
        case .rule(let pattern, let result):
            let value = String(decoding: result, as: UTF8.self)
            program.append(try Self.condition(pattern), value, line: line.number)
        case .ifBlock(let pattern):
            program.begin(try Self.condition(pattern), line: line.number)
        case .endIf:
            try program.end()
        }
    }

    private static func condition(_ pattern: RuleLine.Pattern) throws(RuleProblem) -> Condition {
        let written = String(decoding: pattern.text, as: UTF8.self)
        let text = written.filter { $0 != "[" && $0 != "]" }
        guard let network = IPNetwork(text) else {
            throw RuleProblem(
                message: "has `\(written)`, which is no network", remedy: "write `192.0.2.0/24` or `2001:db8::/32`")
        }
        let address = text.split(separator: "/").first.flatMap { IPAddress($0) }
        guard address == network.base else {
            throw RuleProblem(
                message: "has the network `\(written)`, whose address has bits outside of its prefix",
                remedy: "write `\(network)`")
        }
        return Condition(network: network, isNegated: pattern.isNegated)
    }
}

/// A line of a file, or of the manifest, whose number may not be known.
struct NumberedLine {
    var number: Int?
    var content: LogicalLines.Line

    static func all(_ text: [UInt8]) -> [NumberedLine] {
        var lines = LogicalLines(text)
        var found: [NumberedLine] = []
        while let line = lines.next() { found.append(NumberedLine(number: line.number, content: line)) }
        return found
    }

    static func all(_ rules: [TableSource.Rule]) -> [NumberedLine] {
        rules.map { rule in
            let bytes = Array(rule.text.utf8)[...].trimmingTableSpace
            return NumberedLine(number: rule.line, content: .init(number: 0, bytes: bytes, isIndented: false))
        }
    }
}

extension TableDiagnostic {
    static func unended(_ file: String, _ line: Int?) -> TableDiagnostic {
        TableDiagnostic(file: file, line: line, "has an `if` without its `endif`", remedy: "write the `endif`")
    }
}
