/// How the values of a setting are written, read, bounded and shown.
struct ValueType<Value: Sendable & Equatable>: Sendable {
    /// What it is, for the reference: "duration", "whole number", "list of addresses".
    var name: String
    /// The least and the most, or the words, for the reference; nil when any value of the type will do.
    var range: String?
    /// How an environment variable stands for it.
    var shape = EnvironmentShape.scalar
    /// Reports what is wrong and returns nil, or returns the value.
    var read: @Sendable (ConfigNode, inout ConfigReading) -> Value?
    /// nil when the value is "not set".
    var render: @Sendable (Value) -> RenderedValue?
}

/// What an environment variable's text becomes before it is read.
enum EnvironmentShape: Sendable {
    case scalar
    /// `a,b,c`
    case list
    /// `key=value;key=value,key=value…`; a key may have dots: `tls.level=verify`
    case records
    /// `key=value;key=value`
    case section
}

extension ValueType {
    /// A type of single values, from a function over their text.
    static func scalar(
        _ name: String, range: String? = nil, example: String,
        parse: @escaping @Sendable (String) throws(ValueProblem) -> Value,
        render: @escaping @Sendable (Value) -> String
    ) -> ValueType {
        ValueType(
            name: name, range: range,
            read: { node, reading in
                guard let text = scalarText(node, example: example, &reading) else { return nil }
                do throws(ValueProblem) {
                    return try parse(text)
                } catch {
                    reading.reportValue(node, error.message, remedy: error.remedy)
                    return nil
                }
            },
            render: { .scalar(render($0)) }
        )
    }

    /// May be left out; there is no word for that.
    var optional: ValueType<Value?> {
        ValueType<Value?>(
            name: name, range: range, shape: shape,
            read: { node, reading in read(node, &reading).map(Optional.some) },
            render: { $0.flatMap(render) }
        )
    }

    /// Also takes the word `unlimited`, which is nil.
    var orUnlimited: ValueType<Value?> { orWord("unlimited", remedy: "write `unlimited` for no limit") }

    /// Also takes the word `never`, which is nil.
    var orNever: ValueType<Value?> { orWord("never", remedy: "write `never` to turn it off") }

    /// Also takes a word that is nil; 0 and negative numbers, which elsewhere mean that, are refused with the remedy.
    private func orWord(_ word: String, remedy: String) -> ValueType<Value?> {
        ValueType<Value?>(
            name: "\(name) or `\(word)`", range: range, shape: shape,
            read: { node, reading in
                if node.content == .scalar(word) { return .some(nil) }
                if case .scalar(let text) = node.content, text == "0" || text.hasPrefix("-") {
                    reading.reportValue(node, "can't be `\(text)`", remedy: remedy)
                    return nil
                }
                return read(node, &reading).map(Optional.some)
            },
            render: { $0.map(render) ?? .scalar(word) }
        )
    }

    /// The text of a single value, or a report that it isn't one.
    static func scalarText(_ node: ConfigNode, example: String, _ reading: inout ConfigReading) -> String? {
        switch node.content {
        case .scalar(let text):
            return text
        case .empty:
            reading.reportValue(node, "has no value", remedy: "write one, such as `\(example)`, or remove the line")
        case .list, .map:
            reading.reportValue(
                node, "is \(node.kindName), not a single value", remedy: "write one value, such as `\(example)`")
        }
        return nil
    }
}

/// The items of a list; a single value stands for a list of one.
func listItems(_ node: ConfigNode, example: String, _ reading: inout ConfigReading) -> [ConfigNode]? {
    switch node.content {
    case .list(let items): return items
    case .scalar: return [node]
    case .empty:
        reading.reportValue(node, "has no value", remedy: "write a list, such as `[\(example)]`, or `[]` for none")
    case .map:
        reading.reportValue(node, "is a section, not a list", remedy: "begin each item with `- `")
    }
    return nil
}

extension ValueType where Value == Bool {
    static var bool: ValueType {
        .scalar("true or false", example: "true") { text throws(ValueProblem) in
            switch text.lowercased() {
            case "true", "yes", "on": return true
            case "false", "no", "off": return false
            default: throw ValueProblem(message: "is `\(text)`", remedy: "write `true` or `false`")
            }
        } render: {
            $0 ? "true" : "false"
        }
    }
}

extension ValueType where Value == Int {
    static func int(_ range: ClosedRange<Int>, example: Int) -> ValueType {
        let span = "\(range.lowerBound) to \(range.upperBound)"
        let remedy = "write a whole number from \(span)"
        return .scalar("whole number", range: span, example: "\(example)") { text throws(ValueProblem) in
            guard let number = Int(text), !text.hasPrefix("+") else {
                throw ValueProblem(message: "is `\(text)`, not a whole number", remedy: remedy)
            }
            try checkRange(number, range, text: text, remedy: remedy)
            return number
        } render: {
            "\($0)"
        }
    }

    static func size(_ range: ClosedRange<Int>, example: String) -> ValueType {
        let span = "\(SizeText.render(range.lowerBound)) to \(SizeText.render(range.upperBound))"
        return .scalar("size", range: span, example: example) { text throws(ValueProblem) in
            let octets = try SizeText.parse(text)
            try checkRange(octets, range, text: text, remedy: "write a size from \(span)")
            return octets
        } render: {
            SizeText.render($0)
        }
    }

    /// Permission bits, in octal.
    static var fileMode: ValueType {
        .scalar("file mode", range: "0600 to 0777", example: "0600") { text throws(ValueProblem) in
            let remedy = "write the permission bits in octal, such as `0600` or `0660`"
            guard text.count == 4, text.hasPrefix("0"), let mode = Int(text, radix: 8) else {
                throw ValueProblem(message: "is `\(text)`, not a file mode", remedy: remedy)
            }
            guard mode & 0o600 == 0o600 else {
                throw ValueProblem(message: "is `\(text)`, which shuts out the server itself", remedy: remedy)
            }
            return mode
        } render: { mode in
            let octal = String(mode, radix: 8)
            return String(repeating: "0", count: max(0, 4 - octal.count)) + octal
        }
    }
}

extension ValueType where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>, example: String) -> ValueType {
        let span = "\(DurationText.render(range.lowerBound)) to \(DurationText.render(range.upperBound))"
        return .scalar("duration", range: span, example: example) { text throws(ValueProblem) in
            let duration = try DurationText.parse(text)
            try checkRange(duration, range, text: text, remedy: "write a duration from \(span)")
            return duration
        } render: {
            DurationText.render($0)
        }
    }
}

extension ValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var word: ValueType {
        let words = Value.allCases.map(\.rawValue)
        let all = words.map { "`\($0)`" }.joined(separator: ", ")
        return .scalar("word", range: all, example: words.first ?? "") { text throws(ValueProblem) in
            if let value = Value(rawValue: text) { return value }
            let near = Suggestion.nearest(to: text, among: words).map { "did you mean `\($0)`? " } ?? ""
            throw ValueProblem(
                message: "is `\(text)`, which is not one of its words", remedy: "\(near)write one of \(all)")
        } render: {
            $0.rawValue
        }
    }
}

private func checkRange<T: Comparable>(
    _ value: T, _ range: ClosedRange<T>, text: String, remedy: String
) throws(ValueProblem) {
    if value < range.lowerBound { throw ValueProblem(message: "is `\(text)`, less than the least", remedy: remedy) }
    if value > range.upperBound { throw ValueProblem(message: "is `\(text)`, more than the most", remedy: remedy) }
}
