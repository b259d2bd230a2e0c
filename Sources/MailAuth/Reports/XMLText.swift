/// Writes XML: elements, and text that can't be anything but text.
struct XMLText {
    private(set) var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    private var depth = 0

    /// An element of elements.
    /// - Parameter attributes: written by us.
    mutating func element(_ name: String, attributes: String = "", _ content: (inout XMLText) -> Void) {
        indent()
        text += "<\(name)\(attributes)>\n"
        depth += 1
        content(&self)
        depth -= 1
        indent()
        text += "</\(name)>\n"
    }

    /// An element of text; nil writes none.
    mutating func element(_ name: String, _ value: String?) {
        guard let value else { return }
        indent()
        text += "<\(name)>\(Self.escaped(value))</\(name)>\n"
    }

    private mutating func indent() { text += String(repeating: "  ", count: depth) }

    /// Characters that XML can't have become question marks.
    static func escaped(_ value: String) -> String {
        var out = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&apos;"
            case "\n", "\t", "\r": out += " "
            default:
                let isChar =
                    scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value & 0xFFFE != 0xFFFE
                out.unicodeScalars.append(isChar ? scalar : "?")
            }
        }
        return out
    }
}
