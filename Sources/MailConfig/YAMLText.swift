/// Values as YAML. Whatever is written here is read back as the same value.
enum YAMLText {
    /// A single value, in double quotes when it needs them.
    static func scalar(_ text: String) -> String {
        let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]
        let isPlain = text.utf8.allSatisfy { octet in
            (48...57).contains(octet) || (65...90).contains(octet) || (97...122).contains(octet)
                || "_./@+-".utf8.contains(octet)
        }
        let first = text.utf8.first ?? 0
        let startsPlain = !"@+-".utf8.contains(first)
        if isPlain, startsPlain, !nulls.contains(text) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 32 || scalar.value == 127:
                quoted += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// On one line, lists and sections in brackets.
    static func flow(_ value: RenderedValue) -> String {
        switch value {
        case .scalar(let text): scalar(text)
        case .list(let items): "[\(items.map(flow).joined(separator: ", "))]"
        case .map(let fields): "{\(fields.map { "\(scalar($0.key)): \(flow($0.value))" }.joined(separator: ", "))}"
        }
    }

    /// `key: value`, lists of sections an item a line, with a comment after the first line.
    static func entry(_ key: String, _ value: RenderedValue, indent: Int, comment: String?) -> String {
        let margin = String(repeating: "  ", count: indent)
        let note = comment.map { "  # \($0)" } ?? ""
        switch value {
        case .list(let items) where items.contains { if case .map = $0 { true } else { false } }:
            return items.reduce("\(margin)\(key):\(note)\n") { "\($0)\(margin)  - \(flow($1))\n" }
        case .map(let fields) where !fields.isEmpty:
            return fields.reduce("\(margin)\(key):\(note)\n") { text, field in
                "\(text)\(margin)  \(scalar(field.key)): \(flow(field.value))\n"
            }
        default:
            return "\(margin)\(key): \(flow(value))\(note)\n"
        }
    }
}

/// `config show`: the manifest that is in effect, with the origin of each value. It is a manifest itself.
package enum ManifestText {
    /// - Parameter includingDefaults: false leaves out what nobody wrote.
    package static func render(_ loaded: LoadedManifest, includingDefaults: Bool = true) -> String {
        var text = ""
        var open: [String] = []
        for setting in Schema.settings {
            let origin = loaded.origin(setting.path)
            if origin == .standard, !includingDefaults { continue }
            let words = setting.path.split(separator: ".").map(String.init)
            let sections = Array(words.dropLast())
            let shared = zip(sections, open).prefix { $0 == $1 }.count
            for (depth, name) in sections.enumerated().dropFirst(shared) {
                text += String(repeating: "  ", count: depth) + "\(name):\n"
            }
            open = sections
            let comment = setting.isSecret ? "\(origin) (the file's content is never shown)" : "\(origin)"
            if let value = setting.render(loaded.manifest) {
                text += YAMLText.entry(setting.key, value, indent: sections.count, comment: comment)
            } else {
                let note = setting.defaultNote ?? "not set"
                text += String(repeating: "  ", count: sections.count) + "# \(setting.key): \(note)\n"
            }
        }
        return text
    }
}
