/// Turns names and values into one log line, as text or as JSON. Whatever a peer sent, the result is one line without
/// control characters: nobody writes a line of their own into the log, moves the cursor of a terminal that shows it, or
/// reverses the reading order.
package enum LineRendering {
    /// Appends a value to a text line: bare when it is a plain word, otherwise in double quotes.
    package static func appendText(_ value: String, to line: inout String) {
        if isPlain(value) {
            line += value
            return
        }
        line += "\""
        appendEscaped(value, to: &line)
        line += "\""
    }

    /// Appends words that stand by themselves, without quotes around them.
    package static func appendBare(_ value: String, to line: inout String) {
        appendEscaped(value, quotes: false, to: &line)
    }

    /// Appends a value as a JSON string, quotes included.
    package static func appendJSON(_ value: String, to line: inout String) {
        line += "\""
        if isPlain(value) { line += value } else { appendEscaped(value, to: &line) }
        line += "\""
    }

    /// True for a non-empty value of printable ASCII without blanks, quotes, backslashes and equals signs.
    private static func isPlain(_ value: String) -> Bool {
        !value.isEmpty
            && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C && $0 != 0x3D }
    }

    /// The escapes of JSON; text lines use the same, so that both can be read back alike.
    private static func appendEscaped(_ value: String, quotes: Bool = true, to line: inout String) {
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0x22 where quotes: line += "\\\""
            case 0x5C: line += "\\\\"
            case 0x0A: line += "\\n"
            case 0x0D: line += "\\r"
            case 0x09: line += "\\t"
            case let code where isUnsafe(code): appendUnicodeEscape(code, to: &line)
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    /// C0, DEL, C1, line and paragraph separators, the controls of writing direction, and the byte order mark.
    private static func isUnsafe(_ code: UInt32) -> Bool {
        switch code {
        case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    private static func appendUnicodeEscape(_ code: UInt32, to line: inout String) {
        let digits = String(code, radix: 16)
        line += "\\u"
        line += String(repeating: "0", count: max(0, 4 - digits.utf8.count))
        line += digits
    }
}

extension EventField.Value {
    fileprivate func appendText(to line: inout String) {
        switch self {
        case .text(let text): LineRendering.appendText(text, to: &line)
        case .number(let number): line += String(number)
        case .flag(let flag): line += flag ? "true" : "false"
        case .list(let items): LineRendering.appendText(items.joined(separator: ","), to: &line)
        }
    }

    fileprivate func appendJSON(to line: inout String) {
        switch self {
        case .text(let text): LineRendering.appendJSON(text, to: &line)
        case .number(let number): line += String(number)
        case .flag(let flag): line += flag ? "true" : "false"
        case .list(let items):
            line += "["
            for (position, item) in items.enumerated() {
                if position > 0 { line += "," }
                LineRendering.appendJSON(item, to: &line)
            }
            line += "]"
        }
    }
}

/// An event as a readable line: time, `mail`, the event's name, then `name=value` pairs. No line end.
package func renderText(_ event: MailEvent, at time: EventTime) -> String {
    var line = time.text
    line.reserveCapacity(256)
    line += " mail "
    line += event.name
    for field in event.fields {
        line += " "
        line += field.name
        line += "="
        field.value.appendText(to: &line)
    }
    return line
}

/// An event as one JSON object: `time`, `event`, then its fields. No line end.
package func renderJSON(_ event: MailEvent, at time: EventTime) -> String {
    var line = "{\"time\":\""
    line.reserveCapacity(320)
    line += time.text
    line += "\",\"event\":\""
    line += event.name
    line += "\""
    for field in event.fields {
        line += ",\""
        line += field.name
        line += "\":"
        field.value.appendJSON(to: &line)
    }
    line += "}"
    return line
}
