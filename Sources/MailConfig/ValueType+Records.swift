import MailSyntax

/// The keys of one item of a list, each read by its type; unknown and missing ones are reported.
struct RecordReader {
    private var fields: [String: ConfigNode] = [:]
    private let node: ConfigNode
    private(set) var isWhole = true

    /// Returns nil, having said so, when the node is no section.
    init?(_ node: ConfigNode, keys: [String], _ reading: inout ConfigReading) {
        guard case .map(let pairs) = node.content else {
            let example = keys.map { "\($0): …" }.joined(separator: ", ")
            reading.reportValue(node, "has an item that is \(node.kindName)", remedy: "write items as `- {\(example)}`")
            return nil
        }
        self.node = node
        for pair in pairs {
            if keys.contains(pair.key) {
                fields[pair.key] = pair.value
                continue
            }
            isWhole = false
            let all = keys.map { "`\($0)`" }.joined(separator: ", ")
            let near = Suggestion.nearest(to: pair.key, among: keys)
            let remedy = near.map { "did you mean `\($0)`?" } ?? "write only \(all)"
            reading.report(pair.keyPlace, "unknown key `\(pair.key)` in `\(reading.path)`", remedy: remedy)
        }
    }

    /// nil when the key is absent or wrong; `isWhole` is false in the second case.
    mutating func value<T>(_ key: String, _ type: ValueType<T>, _ reading: inout ConfigReading) -> T? {
        guard let node = fields[key] else { return nil }
        let path = reading.path
        reading.path = "\(path).\(key)"
        defer { reading.path = path }
        let value = type.read(node, &reading)
        if value == nil { isWhole = false }
        return value
    }

    /// Like `value`, and reports a key that is absent.
    mutating func required<T>(_ key: String, _ type: ValueType<T>, _ reading: inout ConfigReading) -> T? {
        if fields[key] == nil {
            isWhole = false
            reading.reportValue(node, "has an item without `\(key)`", remedy: "add `\(key): …` to the item")
        }
        return value(key, type, &reading)
    }
}

extension ValueType {
    /// A list whose items are sections.
    static func records<Item: Sendable & Equatable>(
        named name: String, example: String,
        read: @escaping @Sendable (ConfigNode, inout ConfigReading) -> Item?,
        render: @escaping @Sendable (Item) -> RenderedValue
    ) -> ValueType where Value == [Item] {
        ValueType(
            name: name, shape: .records,
            read: { node, reading in
                if case .scalar(let text) = node.content {
                    reading.reportValue(node, "is `\(text)`, not a list", remedy: "write items as `- {\(example)}`")
                    return nil
                }
                guard let items = listItems(node, example: "{\(example)}", &reading) else { return nil }
                var values: [Item] = []
                for node in items {
                    if let value = read(node, &reading) { values.append(value) }
                }
                return values.count == items.count ? values : nil
            },
            render: { .list($0.map(render)) }
        )
    }
}

extension ValueType where Value == [Manifest.Certificate] {
    static var certificates: ValueType {
        records(named: "list of certificates", example: "chain: fullchain.pem, key: privkey.pem") { node, reading in
            guard var record = RecordReader(node, keys: ["chain", "key"], &reading) else { return nil }
            let chain = record.required("chain", .path, &reading)
            let key = record.required("key", .path, &reading)
            guard record.isWhole, let chain, let key else { return nil }
            return Manifest.Certificate(chain: chain, key: key)
        } render: { certificate in
            .map([
                .init(key: "chain", value: .scalar(certificate.chain)),
                .init(key: "key", value: .scalar(certificate.key)),
            ])
        }
    }
}

extension ValueType where Value == [Manifest.StaticHost] {
    /// `name: address` or `name: [address, …]`.
    static var staticHosts: ValueType {
        let addresses = ValueType<[String]>.list(of: .address, named: "list of IP addresses", example: "192.0.2.1")
        return ValueType(
            name: "section of host names with their addresses", shape: .records,
            read: { node, reading in
                guard let pairs = staticPairs(node, &reading) else { return nil }
                var hosts: [Manifest.StaticHost] = []
                for pair in pairs {
                    guard let name = DomainName(pair.key) else {
                        let remedy = "write `mail.example.org: 192.0.2.1`"
                        reading.report(
                            pair.keyPlace, "`\(reading.path)` has `\(pair.key)`, not a host name", remedy: remedy)
                        continue
                    }
                    guard let list = addresses.read(pair.value, &reading) else { continue }
                    if list.isEmpty {
                        reading.reportValue(
                            pair.value, "has no address for `\(pair.key)`", remedy: "write at least one")
                        continue
                    }
                    hosts.append(Manifest.StaticHost(name: name.ascii, addresses: list))
                }
                return hosts.count == pairs.count ? hosts : nil
            },
            render: { hosts in
                .map(hosts.map { .init(key: $0.name, value: .list($0.addresses.map(RenderedValue.scalar))) })
            }
        )
    }

    private static func staticPairs(_ node: ConfigNode, _ reading: inout ConfigReading) -> [ConfigPair]? {
        switch node.content {
        case .map(let pairs): return pairs
        case .empty: return []
        // `host=address` from the environment comes as a list of sections
        case .list(let items):
            return items.flatMap { item in if case .map(let pairs) = item.content { pairs } else { [] as [ConfigPair] }
            }
        case .scalar:
            reading.reportValue(node, "is a single value", remedy: "write a section: `mail.example.org: [192.0.2.1]`")
            return nil
        }
    }
}
