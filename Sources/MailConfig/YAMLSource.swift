// The only file that knows Yams: text in, `ConfigNode` or diagnostics out.
import Yams

/// Reads YAML into nodes with places. A key that is written twice is reported without hiding the other problems.
struct YAMLSource {
    let file: String
    private(set) var diagnostics: [ConfigDiagnostic] = []
    /// First characters of the keys that were masked because they come again, by number.
    private var masked: [Unicode.Scalar] = []
    private var nodesLeft = 20_000

    /// A mask is a character of the private use area: as wide as what it stands for, so that no column moves.
    private static let firstMask: UInt32 = 0xE000
    private static let mostMasks = 64

    init(file: String) {
        self.file = file
    }

    /// The root node, nil when the text can't be read. `diagnostics` holds what was wrong in either case.
    mutating func read(_ text: String) -> ConfigNode? {
        // A byte order mark, as editors of Windows write it; libyaml stumbles over it further down.
        var scalars = Array(text.unicodeScalars.drop { $0 == "\u{FEFF}" })
        while true {
            do {
                var view = String.UnicodeScalarView()
                view.append(contentsOf: scalars)
                let parser = try Parser(yaml: String(view), encoding: .utf8)
                guard let root = try parser.singleRoot() else {
                    return ConfigNode(content: .empty, place: place(nil))
                }
                return convert(root, depth: 0)
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                if mask(context.mark, in: &scalars) { continue }
                let name = names.first ?? ""
                report(place(context.mark), "`\(name)` is written more than once", "keep one of the lines")
            } catch let error as YamlError {
                describe(error, text: text)
            } catch {
                report(place(nil), "the file can't be read as YAML", "check it with `martlet config check`")
            }
            return nil
        }
    }

    private func place(_ mark: Mark?) -> ConfigPlace {
        ConfigPlace(file: file, line: mark?.line ?? 1, column: mark?.column ?? 1)
    }

    private mutating func report(_ place: ConfigPlace, _ message: String, _ remedy: String) {
        diagnostics.append(ConfigDiagnostic(place, message, remedy: remedy))
    }
}

// MARK: - Conversion

extension YAMLSource {
    private mutating func convert(_ node: Node, depth: Int) -> ConfigNode {
        let here = place(node.mark)
        nodesLeft -= 1
        guard nodesLeft > 0, depth < 32 else {
            if nodesLeft == 0 || depth == 32 {
                report(here, "the manifest is nested too deeply or too large", "remove aliases (`*name`) and nesting")
            }
            return ConfigNode(content: .empty, place: here)
        }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return ConfigNode(content: isNull ? .empty : .scalar(scalar.string), place: here)
        case .sequence(let items):
            return ConfigNode(content: .list(items.map { convert($0, depth: depth + 1) }), place: here)
        case .mapping(let mapping):
            return ConfigNode(content: .map(convertPairs(mapping, depth: depth)), place: here)
        case .alias:
            return ConfigNode(content: .empty, place: here)
        }
    }

    private mutating func convertPairs(_ mapping: Node.Mapping, depth: Int) -> [ConfigPair] {
        var pairs: [ConfigPair] = []
        var earlier: [String: ConfigPlace] = [:]
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                report(place(key.mark), "a key must be a single word", "write `name: value`")
                continue
            }
            let (name, isMasked) = unmasked(scalar.string)
            if let first = earlier[name] {
                let line = first.line ?? 1
                report(place(key.mark), "`\(name)` is written twice, first in line \(line)", "keep one of the two")
            }
            earlier[name] = earlier[name] ?? place(key.mark)
            if isMasked { continue }
            let content = convert(value, depth: depth + 1)
            pairs.append(ConfigPair(key: name, keyPlace: place(key.mark), value: content))
        }
        return pairs
    }
}

// MARK: - Keys that come twice

extension YAMLSource {
    /// Yams stops at the first mapping with a key that comes twice and names the first one's place: that one is
    /// hidden behind a mask and the text is read again.
    private mutating func mask(_ mark: Mark, in scalars: inout [Unicode.Scalar]) -> Bool {
        guard masked.count < Self.mostMasks, var index = offset(of: mark, in: scalars) else { return false }
        if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        guard index < scalars.count, scalars[index].properties.isAlphabetic || scalars[index] == "_",
            scalars[index].value < Self.firstMask,
            let replacement = Unicode.Scalar(Self.firstMask + UInt32(masked.count))
        else { return false }
        masked.append(scalars[index])
        scalars[index] = replacement
        return true
    }

    private func unmasked(_ key: String) -> (name: String, isMasked: Bool) {
        guard let first = key.unicodeScalars.first, first.value >= Self.firstMask,
            first.value - Self.firstMask < UInt32(masked.count)
        else { return (key, false) }
        var view = String.UnicodeScalarView()
        view.append(masked[Int(first.value - Self.firstMask)])
        view.append(contentsOf: key.unicodeScalars.dropFirst())
        return (String(view), true)
    }

    private func offset(of mark: Mark, in scalars: [Unicode.Scalar]) -> Int? {
        var line = 1
        var index = 0
        while line < mark.line, index < scalars.count {
            if scalars[index] == "\n" || (scalars[index] == "\r" && scalars.dropFirst(index + 1).first != "\n") {
                line += 1
            }
            index += 1
        }
        index += mark.column - 1
        return line == mark.line && index >= 0 && index < scalars.count ? index : nil
    }
}

// MARK: - Syntax errors

extension YAMLSource {
    private mutating func describe(_ error: YamlError, text: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let detail = context.map { "\(problem) (\($0.text), line \($0.mark.line))" } ?? problem
            report(place(mark), "not valid YAML: \(detail)", remedy(for: problem, context: context?.text ?? ""))
        case .reader(let problem, let offset, _, _):
            let before = text.utf8.prefix(offset ?? 0)
            let lines = before.split(separator: 10, omittingEmptySubsequences: false)
            let end = ConfigPlace(file: file, line: max(1, lines.count), column: (lines.last?.count ?? 0) + 1)
            report(end, "not valid YAML: \(problem)", "save the file as UTF-8 without control characters")
        default:
            report(place(nil), "the file can't be read as YAML", "save it as UTF-8 text")
        }
    }

    private func remedy(for problem: String, context: String) -> String {
        if context.contains("alias") || context.contains("anchor") {
            return "put the value in quotes: a plain value can't begin with `*` or `&`"
        }
        if problem.contains("cannot start any token") {
            return "indent with spaces, never with tabs, and put values that begin with a special character in quotes"
        }
        if problem.contains("mapping values are not allowed") {
            return "check the indentation, and put a value that holds `: ` or ends in `:` in quotes"
        }
        if problem.contains("end of stream") || context.contains("quoted scalar") {
            return "close the quotes or brackets that are opened before this place"
        }
        if problem.contains("expected ':'") { return "write `name: value`, with a space after the colon" }
        if problem.contains("another document") { return "keep one document: remove the line `---` in the middle" }
        return "line up settings of one section in the same column, and close what is opened above"
    }
}
