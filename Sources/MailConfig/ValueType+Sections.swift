import MailSyntax

/// One key of a section that is a value, such as a route or its login.
struct SectionField<Item: Sendable & Equatable>: Sendable {
    let key: String
    let isRequired: Bool
    /// False after a report.
    let read: @Sendable (ConfigNode, inout ConfigReading, inout Item) -> Bool
    /// nil: not set.
    let render: @Sendable (Item) -> RenderedValue?

    init<Value>(
        _ key: String, _ place: any WritableKeyPath<Item, Value> & Sendable, _ type: ValueType<Value>,
        required: Bool = false
    ) {
        self.key = key
        isRequired = required
        read = { node, reading, item in
            guard let value = type.read(node, &reading) else { return false }
            item[keyPath: place] = value
            return true
        }
        render = { type.render($0[keyPath: place]) }
    }

    /// A file, or an environment variable, that holds a secret: the keys `NAME_file` and `NAME_env`.
    static func secret(
        _ name: String, _ place: any WritableKeyPath<Item, SecretSource?> & Sendable
    ) -> [SectionField<Item>] {
        [
            SectionField("\(name)_file", place, .secretFile), SectionField("\(name)_env", place, .secretVariable),
        ]
    }
}

extension ValueType {
    /// A section whose keys are the fields of a value.
    ///
    /// - Parameters:
    ///   - start: what the fields that are not written keep.
    ///   - origin: takes the place of the section, `martlet.yaml:12`.
    ///   - exclusive: groups of keys of which one at most is written.
    static func section(
        named name: String, example: String, start: Value,
        origin: (any WritableKeyPath<Value, String> & Sendable)? = nil, exclusive: [[String]] = [],
        fields: [SectionField<Value>]
    ) -> ValueType {
        let reader = SectionReader(
            example: example, start: start, origin: origin, exclusive: exclusive, fields: fields)
        return ValueType(
            name: name, shape: .section,
            read: { node, reading in reader.read(node, &reading) },
            render: { item in
                .map(
                    fields.compactMap { field -> RenderedValue.Field? in
                        guard let value = field.render(item), field.isRequired || value != field.render(start) else {
                            return nil
                        }
                        return .init(key: field.key, value: value)
                    })
            }
        )
    }

    /// A list of such sections.
    static func sections<Item>(of item: ValueType<Item>, named name: String, example: String) -> ValueType
    where Value == [Item] {
        records(named: name, example: example) { node, reading in
            item.read(node, &reading)
        } render: {
            item.render($0) ?? .map([])
        }
    }
}

/// Reads the keys of one section.
private struct SectionReader<Item: Sendable & Equatable>: Sendable {
    let example: String
    let start: Item
    let origin: (any WritableKeyPath<Item, String> & Sendable)?
    let exclusive: [[String]]
    let fields: [SectionField<Item>]

    func read(_ node: ConfigNode, _ reading: inout ConfigReading) -> Item? {
        guard case .map(let pairs) = node.content else {
            reading.reportValue(node, "is \(node.kindName), not a section", remedy: "write `{\(example)}`")
            return nil
        }
        var item = start
        var isWhole = true
        if let origin { item[keyPath: origin] = Self.text(pairs.first?.keyPlace ?? node.place) }
        for pair in pairs {
            guard let field = fields.first(where: { $0.key == pair.key }) else {
                reportUnknown(pair, &reading)
                isWhole = false
                continue
            }
            let path = reading.path
            reading.path = "\(path).\(pair.key)"
            defer { reading.path = path }
            if !field.read(pair.value, &reading, &item) { isWhole = false }
        }
        if !checkWhole(pairs.map(\.key), node, &reading) { isWhole = false }
        return isWhole ? item : nil
    }

    private func checkWhole(_ keys: [String], _ node: ConfigNode, _ reading: inout ConfigReading) -> Bool {
        var isWhole = true
        for field in fields where field.isRequired && !keys.contains(field.key) {
            isWhole = false
            reading.reportValue(node, "has no `\(field.key)`", remedy: "add `\(field.key): …`")
        }
        for group in exclusive where group.count(where: keys.contains) > 1 {
            isWhole = false
            let both = group.filter(keys.contains).map { "`\($0)`" }.joined(separator: " and ")
            reading.reportValue(node, "has \(both)", remedy: "keep one of them")
        }
        return isWhole
    }

    private func reportUnknown(_ pair: ConfigPair, _ reading: inout ConfigReading) {
        let keys = fields.map(\.key)
        let near = Suggestion.nearest(to: pair.key, among: keys)
        let all = keys.map { "`\($0)`" }.joined(separator: ", ")
        let remedy = near.map { "did you mean `\($0)`?" } ?? "write only \(all)"
        reading.report(pair.keyPlace, "unknown key `\(pair.key)` in `\(reading.path)`", remedy: remedy)
    }

    private static func text(_ place: ConfigPlace) -> String {
        place.line.map { "\(place.file):\($0)" } ?? place.file
    }
}

// MARK: - Secrets

extension ValueType where Value == SecretSource? {
    fileprivate static var secretFile: ValueType {
        let path = ValueType<String>.path
        return ValueType(
            name: "path",
            read: { node, reading in path.read(node, &reading).map { .some(.file($0)) } },
            render: { source in if case .file(let path) = source { .scalar(path) } else { nil } }
        )
    }

    fileprivate static var secretVariable: ValueType {
        .scalar("name of an environment variable", example: "SMARTHOST_PASSWORD") { text throws(ValueProblem) in
            let isName = text.utf8.first.map { !(48...57).contains($0) } ?? false
            guard isName,
                text.utf8.allSatisfy({
                    $0 == 95 || ($0 < 128 && ($0 | 32) >= 97 && ($0 | 32) <= 122) || (48...57).contains($0)
                })
            else {
                let remedy = "write the variable's name, never the secret itself"
                throw ValueProblem(message: "is not the name of an environment variable", remedy: remedy)
            }
            return .environment(text)
        } render: { source in
            if case .environment(let name) = source { name } else { "" }
        }.hidingEmpty
    }

    private var hidingEmpty: ValueType {
        var type = self
        let render = type.render
        type.render = { source in
            if case .environment = source { render(source) } else { nil }
        }
        return type
    }
}
