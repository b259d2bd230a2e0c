/// The variables that begin with `MARTLET_`, sorted by name: values for settings, notes, and what is wrong.
struct EnvironmentSource {
    struct Value {
        var setting: Setting
        var node: ConfigNode
    }

    private(set) var values: [Value] = []
    private(set) var notes: [ConfigDiagnostic] = []
    private(set) var diagnostics: [ConfigDiagnostic] = []

    /// Read by the command line, not settings.
    private static let reserved: Set<String> = ["MARTLET_CONFIG"]

    static func read(_ environment: [String: String]) -> EnvironmentSource {
        var source = EnvironmentSource()
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("MARTLET_") {
            source.add(name, text)
        }
        return source
    }

    private mutating func add(_ name: String, _ text: String) {
        let place = ConfigPlace(file: "environment \(name)", line: nil, column: nil)
        if let setting = Schema.byEnvironmentName[name] {
            if Self.isInjected(name, text) {
                note(place, "`\(name)` was set by an orchestrator for a service, and is ignored")
            } else if text.isEmpty, setting.shape == .scalar, setting.path != "mail.recipient_delimiter" {
                note(place, "`\(name)` is empty, and is ignored")
            } else {
                values.append(Value(setting: setting, node: Self.node(text, setting.shape, place)))
            }
        } else if Self.reserved.contains(name) {
            return
        } else if Self.hasInjectedName(name) {
            note(place, "`\(name)` was set by an orchestrator for a service called martlet, and is ignored")
        } else {
            let near = Suggestion.nearest(to: name, among: Schema.byEnvironmentName.keys.sorted())
            let remedy = near.map { "did you mean `\($0)`?" } ?? "unset it; `martlet config reference` lists the names"
            diagnostics.append(ConfigDiagnostic(place, "`\(name)` is not the name of a setting", remedy: remedy))
        }
    }

    private mutating func note(_ place: ConfigPlace, _ message: String) {
        notes.append(ConfigDiagnostic(place, message, remedy: "nothing has to be done"))
    }

    /// A setting's own name, with a value that only service links have: `tcp://10.0.0.1:25`.
    private static func isInjected(_ name: String, _ text: String) -> Bool {
        name.hasSuffix("_PORT") && ["tcp://", "udp://", "sctp://"].contains { text.hasPrefix($0) }
    }

    /// `…_SERVICE_HOST`, `…_SERVICE_PORT[_NAME]`, `…_PORT`, `…_PORT_25_TCP[_ADDR|_PORT|_PROTO]`, `_NAME` and `_ENV_…`, as
    /// Kubernetes and Docker links set for a service called martlet or martlet-something.
    private static func hasInjectedName(_ name: String) -> Bool {
        let words = name.split(separator: "_").dropFirst()
        guard let last = words.last else { return false }
        // A link of Docker's: the container's name, and the variables of the other container.
        if name == "MARTLET_NAME" || name.hasPrefix("MARTLET_ENV_") { return true }
        if name.hasSuffix("_SERVICE_HOST") || last == "PORT" || name.contains("_SERVICE_PORT_") { return true }
        guard let port = words.lastIndex(where: { $0 == "TCP" || $0 == "UDP" || $0 == "SCTP" }) else { return false }
        let tail = words[words.index(after: port)...]
        let number = words[..<port].last ?? ""
        let hasPort = words[..<port].dropLast().last == "PORT" && Int(number) != nil
        return hasPort && (tail.isEmpty || (tail.count == 1 && ["ADDR", "PORT", "PROTO"].contains(last)))
    }

    private static func node(_ text: String, _ shape: EnvironmentShape, _ place: ConfigPlace) -> ConfigNode {
        func scalar(_ text: Substring) -> ConfigNode { ConfigNode(content: .scalar(trimmed(text)), place: place) }
        let items = text.split(separator: ",").filter { !trimmed($0).isEmpty }
        switch shape {
        case .scalar:
            return ConfigNode(content: .scalar(text), place: place)
        case .list:
            return ConfigNode(content: .list(items.map(scalar)), place: place)
        case .records:
            let records = items.map { item in
                ConfigNode(content: .map(pairs(item, place)), place: place)
            }
            return ConfigNode(content: .list(records), place: place)
        case .section:
            return ConfigNode(content: .map(pairs(text[...], place)), place: place)
        }
    }

    /// `key=value;key=value`; what has no `=` belongs to the value before it, as in `name=192.0.2.1;192.0.2.2`.
    private static func pairs(_ item: Substring, _ place: ConfigPlace) -> [ConfigPair] {
        var pairs: [(key: String, values: [ConfigNode])] = []
        for part in item.split(separator: ";") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = ConfigNode(content: .scalar(trimmed(sides.last ?? "")), place: place)
            if sides.count == 2, let key = sides.first {
                pairs.append((trimmed(key), [value]))
            } else if pairs.isEmpty {
                pairs.append((trimmed(part), []))
            } else {
                pairs[pairs.count - 1].values.append(value)
            }
        }
        return nested(
            pairs.map { key, values in
                let single = values.count == 1 ? values.first : nil
                let node = single ?? ConfigNode(content: values.isEmpty ? .empty : .list(values), place: place)
                return ConfigPair(key: key, keyPlace: place, value: node)
            }, place)
    }

    /// `tls.level` is `level` in the section `tls`; only words are parted, not host names.
    private static func nested(_ pairs: [ConfigPair], _ place: ConfigPlace) -> [ConfigPair] {
        var result: [ConfigPair] = []
        for pair in pairs {
            let parts = pair.key.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, let word = parts.first.map(String.init), let rest = parts.last.map(String.init),
                sectionWords.contains(word)
            else {
                result.append(pair)
                continue
            }
            let inner = ConfigPair(key: rest, keyPlace: place, value: pair.value)
            if let index = result.firstIndex(where: { $0.key == word }),
                case .map(let earlier) = result[index].value.content
            {
                result[index].value.content = .map(earlier + [inner])
            } else {
                let section = ConfigNode(content: .map([inner]), place: place)
                result.append(ConfigPair(key: word, keyPlace: place, value: section))
            }
        }
        return result.map { pair in
            guard sectionWords.contains(pair.key), case .map(let inner) = pair.value.content else { return pair }
            let value = ConfigNode(content: .map(nested(inner, place)), place: place)
            return ConfigPair(key: pair.key, keyPlace: place, value: value)
        }
    }

    /// Keys of records that are sections.
    private static let sectionWords: Set<String> = [
        "tls", "login", "oauth2", "pace", "warm_up", "fallback", "except", "limits", "messages", "recipients",
        "certificate",
    ]

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
