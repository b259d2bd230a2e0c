/// The result of a rule with patterns: text in which `$1`, `${1}` and `$(1)` stand for what the groups matched, and `$$`
/// for `$`.
struct ReplacementTemplate {
    private enum Part {
        case text([UInt8])
        case group(Int)
    }

    private var parts: [Part] = []
    /// 0 when there are no groups in it.
    private(set) var highestGroup = 0

    init(_ text: ArraySlice<UInt8>) throws(RuleProblem) {
        var literal: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                literal.append(byte)
                continue
            }
            if rest.first == byte {
                literal.append(byte)
                rest = rest.dropFirst()
                continue
            }
            let group = try Self.number(Self.name(&rest))
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            parts.append(.group(group))
            highestGroup = max(highestGroup, group)
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    /// - Parameter group: what a group matched, nothing for one that took no part.
    func expanded(_ group: (Int) -> UnsafeBufferPointer<UInt8>) -> String {
        var out: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): out += text
            case .group(let number): out += group(number)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func name(_ rest: inout ArraySlice<UInt8>) throws(RuleProblem) -> ArraySlice<UInt8> {
        let close: UInt8? = rest.first == UInt8(ascii: "{") ? 0x7D : rest.first == UInt8(ascii: "(") ? 0x29 : nil
        guard let close else {
            let name = rest.prefix { $0.isASCIILetterOrDigit || $0 == UInt8(ascii: "_") }
            rest = rest[name.endIndex...]
            return name
        }
        guard let end = rest.firstIndex(of: close) else {
            throw RuleProblem(message: "has a result with a `$` whose bracket doesn't end", remedy: "write `${1}`")
        }
        let name = rest[..<end].dropFirst()
        rest = rest[(end + 1)...]
        return name
    }

    private static func number(_ name: ArraySlice<UInt8>) throws(RuleProblem) -> Int {
        let text = String(decoding: name, as: UTF8.self)
        guard let number = Int(text), (1...99).contains(number), name.allSatisfy({ (48...57).contains($0) }) else {
            throw RuleProblem(
                message: "has a result with a `$` that the number of a group doesn't follow",
                remedy: "write `${1}` for what the first group matched, and `$$` for a `$`")
        }
        return number
    }
}
