package import MailPolicy

extension [TraceStep] {
    /// A JSON list, as a history keeps it.
    package var json: String {
        var json = JSONText()
        json.list(self) { step, json in
            json.object([
                ("stage", step.stage), ("rule", step.rule), ("origin", step.origin), ("before", step.before),
                ("after", step.after), ("note", step.note),
            ])
        }
        return json.text
    }

    /// At most so many steps, each with short texts; a last one says how many more there were.
    package func abridged(to most: Int, octets: Int = 200) -> [TraceStep] {
        func short(_ text: String?) -> String? {
            guard let text, text.utf8.count > octets else { return text }
            return String(decoding: text.utf8.prefix(octets), as: UTF8.self) + "…"
        }
        var steps = prefix(most).map { step in
            TraceStep(
                stage: step.stage, rule: step.rule, origin: step.origin, before: short(step.before),
                after: short(step.after), note: short(step.note))
        }
        if let last, count > most {
            steps.append(TraceStep(stage: last.stage, rule: "more", note: "and \(count - most) more"))
        }
        return steps
    }
}

/// Objects of strings as JSON. RFC 8259 §7
///
/// Written on every accepted message: Foundation's encoder, or appending scalars to a String, costs more than the row.
struct JSONText {
    private var octets: [UInt8] = []

    init() {
        octets.reserveCapacity(512)
    }

    var text: String { String(decoding: octets, as: UTF8.self) }

    mutating func list<Element>(_ elements: [Element], _ write: (Element, inout JSONText) -> Void) {
        octets.append(UInt8(ascii: "["))
        for (offset, element) in elements.enumerated() {
            if offset > 0 { octets.append(UInt8(ascii: ",")) }
            write(element, &self)
        }
        octets.append(UInt8(ascii: "]"))
    }

    /// Members without a value are left out.
    mutating func object(_ members: [(name: StaticString, value: String?)]) {
        octets.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in members {
            guard let value = member.value else { continue }
            if !isFirst { octets.append(UInt8(ascii: ",")) }
            isFirst = false
            octets.append(UInt8(ascii: "\""))
            member.name.withUTF8Buffer { octets.append(contentsOf: $0) }
            octets.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
            string(value)
        }
        octets.append(UInt8(ascii: "}"))
    }

    private mutating func string(_ value: String) {
        octets.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                octets.append(UInt8(ascii: "\\"))
                octets.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                octets.append(contentsOf: Array("\\u00".utf8))
                octets.append(digits[Int(byte >> 4)])
                octets.append(digits[Int(byte & 15)])
            default: octets.append(byte)
            }
        }
        octets.append(UInt8(ascii: "\""))
    }
}
