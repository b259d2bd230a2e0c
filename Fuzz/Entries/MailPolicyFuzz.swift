import MailConfig
import MailPolicy

enum MailPolicyFuzz {
    static let entries = [FuzzEntry("table", table), FuzzEntry("table-name", tableName)]

    /// A table of any format, and keys for it.
    static func table(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let formats: [TableSource.Format] = [.text, .pcre, .cidr, .regexp]
        let format = formats[input.choice(formats.count)]
        let keys = (0..<input.choice(4)).map { _ in String(decoding: input.line().prefix(200), as: UTF8.self) }
        var text = input.remainder()
        // What the C library's patterns cost is up to who writes them; here it is whether they are read rightly.
        if format == .regexp { text = Array(text.prefix(120)) }
        let reading = LookupTable.read(text, as: format, file: "t", allowsGroups: text.count % 2 == 0)
        for diagnostic in reading.diagnostics {
            precondition(!diagnostic.message.isEmpty && !diagnostic.remedy.isEmpty, "a line is refused without a word")
        }
        for key in keys + [""] {
            let first = try? reading.table.lookup(key, isWhole: true)
            let second = try? reading.table.lookup(key, isWhole: true)
            precondition(first == second, "the same question has two answers")
        }
    }

    /// The name of a table, which means the same when it is written again.
    static func tableName(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let source = try? TableSource.parse(text, relativeTo: "/etc/martlet") else { return }
        _ = LookupTable.read(source)
        guard let again = try? TableSource.parse(source.description, relativeTo: "/etc/martlet") else { return }
        precondition(again.description == source.description, "a table's name changed when it was written")
    }
}
