import MailSyntax

extension ValueType where Value == [TableSource] {
    /// `type:path`, a section of keys and values, a section of one of the words `regexp`, `pcre` or `cidr` with a list of
    /// rules, or a list of these.
    static var tables: ValueType {
        ValueType(
            name: "list of tables", shape: .list,
            read: { node, reading in
                if case .map = node.content { return table(node, &reading).map { [$0] } }
                guard let items = listItems(node, example: "hash:/etc/martlet/table", &reading) else { return nil }
                let tables = items.compactMap { table($0, &reading) }
                return tables.count == items.count ? tables : nil
            },
            render: { .list($0.map(rendered)) }
        )
    }

    private static func table(_ node: ConfigNode, _ reading: inout ConfigReading) -> TableSource? {
        let origin = node.place.line.map { "\(node.place.file):\($0)" } ?? node.place.file
        switch node.content {
        case .scalar(let text):
            do throws(ValueProblem) {
                return try TableSource.parse(text, relativeTo: reading.folder, origin: origin, line: node.place.line)
            } catch {
                reading.reportValue(node, error.message, remedy: error.remedy)
                return nil
            }
        case .map(let pairs):
            if pairs.count == 1, let pair = pairs.first, let format = ruleFormats[pair.key],
                case .list(let items) = pair.value.content
            {
                return rules(items, format, origin, &reading)
            }
            return entries(pairs, origin, &reading)
        case .list, .empty:
            reading.reportValue(
                node, "has an item that is \(node.kindName), not a table",
                remedy: "write `hash:/etc/martlet/table`, or the entries as `{key: value}`")
            return nil
        }
    }

    private static let ruleFormats: [String: TableSource.Format] = ["regexp": .regexp, "pcre": .pcre, "cidr": .cidr]

    private static func rules(
        _ items: [ConfigNode], _ format: TableSource.Format, _ origin: String, _ reading: inout ConfigReading
    ) -> TableSource? {
        var rules: [TableSource.Rule] = []
        for item in items {
            guard case .scalar(let text) = item.content else {
                reading.reportValue(item, "has a rule that is \(item.kindName)", remedy: "write `- /pattern/ result`")
                continue
            }
            rules.append(.init(text: text, line: item.place.line))
        }
        guard rules.count == items.count else { return nil }
        return TableSource(format: format, content: .rules(rules), origin: origin)
    }

    /// Several values of a key are joined by commas, as Postfix's tables have them.
    private static func entries(
        _ pairs: [ConfigPair], _ origin: String, _ reading: inout ConfigReading
    ) -> TableSource? {
        var entries: [TableSource.Entry] = []
        for pair in pairs {
            let values: [String]
            switch pair.value.content {
            case .scalar(let text): values = [text]
            case .list(let items):
                values = items.compactMap { if case .scalar(let text) = $0.content { text } else { nil } }
                if values.count != items.count { fallthrough }
            case .empty, .map:
                reading.report(
                    pair.value.place, "`\(reading.path)` has \(pair.value.kindName) for `\(pair.key)`",
                    remedy: "write a value, or a list of values")
                continue
            }
            let value = values.joined(separator: ", ")
            entries.append(.init(key: pair.key, value: value, line: pair.keyPlace.line))
        }
        guard entries.count == pairs.count else { return nil }
        return TableSource(format: .text, content: .entries(entries), origin: origin)
    }

    private static func rendered(_ table: TableSource) -> RenderedValue {
        switch table.content {
        case .file(let path): .scalar("\(table.format == .text ? "texthash" : table.format.rawValue):\(path)")
        case .value(let value): .scalar("static:\(value)")
        case .entries(let entries): .map(entries.map { .init(key: $0.key, value: .scalar($0.value)) })
        case .members(let members):
            .scalar("\(table.format.rawValue):{ \(members.map { rendered($0).inline }.joined(separator: ", ")) }")
        case .rules(let rules):
            .map([.init(key: table.format.rawValue, value: .list(rules.map { .scalar($0.text) }))])
        }
    }
}
