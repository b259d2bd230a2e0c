import MailConfig
import MailSyntax

/// A table of fixed keys, kept as the octets it was written with: 100,000 entries take their text and 3 MB.
///
/// Keys are compared lower-cased and in NFC. Of equal keys the first holds.
package struct TextTable: Sendable {
    private struct Record {
        var keyStart: UInt32
        var keyEnd: UInt32
        var valueEnd: UInt32
        var line: UInt32
    }

    private var octets: [UInt8] = []
    private var records: [Record] = []
    /// Numbers of records, from 1, by the hash of their keys; 0 is free. A power of two, at most half of them taken.
    private var slots: [UInt32] = Array(repeating: 0, count: 16)
    private let file: String

    package init(file: String) {
        self.file = file
    }

    /// Keys, with those that are there in a second spelling.
    package var count: Int { records.count }

    package func lookup(_ key: String) -> TableAnswer? {
        guard !records.isEmpty else { return nil }
        var folded = EmailAddress.fold(key)
        return folded.withUTF8 { key in
            let slot = slots[slotIndex(of: key)]
            guard slot != 0 else { return nil }
            let record = records[Int(slot) - 1]
            let value = String(decoding: octets[Int(record.keyEnd)..<Int(record.valueEnd)], as: UTF8.self)
            let place = record.line == 0 ? file : "\(file):\(record.line)"
            return TableAnswer(value: value, origin: place)
        }
    }

    /// About twenty of the keys, lower-cased as they are kept; only those that are written in ASCII.
    package var sampleKeys: [String] {
        stride(from: 0, to: records.count, by: max(1, records.count / 20)).compactMap { number in
            let record = records[number]
            let key = octets[Int(record.keyStart)..<Int(record.keyEnd)]
            guard key.allSatisfy({ $0 < 0x80 }) else { return nil }
            let text = String(decoding: key, as: UTF8.self)
            return text.contains("xn--") ? nil : text
        }
    }

    /// - Returns: false when the key is there already, which stays as it is.
    mutating func insert(_ key: String, value: ArraySlice<UInt8>, line: Int?) -> Bool {
        var folded = EmailAddress.fold(key)
        guard add(&folded, value, line) else { return false }
        // Lookups come with the A-labels of a domain.
        if var ascii = Self.asciiForm(folded) { _ = add(&ascii, value, line) }
        return true
    }

    /// The key with its domain in A-labels; nil when that is what it is.
    private static func asciiForm(_ key: String) -> String? {
        guard !key.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        if let at = key.lastIndex(of: "@") {
            return DomainName(key[key.index(after: at)...]).map { "\(key[...at])\($0.ascii)" }
        }
        if key.first == "." { return DomainName(key.dropFirst()).map { ".\($0.ascii)" } }
        return DomainName(key)?.ascii
    }

    private mutating func add(_ key: inout String, _ value: ArraySlice<UInt8>, _ line: Int?) -> Bool {
        let index = key.withUTF8 { slotIndex(of: $0) }
        guard slots[index] == 0 else { return false }
        let start = octets.count
        octets.append(contentsOf: key.utf8)
        let middle = octets.count
        octets.append(contentsOf: value)
        records.append(
            Record(
                keyStart: UInt32(clamping: start), keyEnd: UInt32(clamping: middle),
                valueEnd: UInt32(clamping: octets.count), line: UInt32(clamping: line ?? 0)
            ))
        slots[index] = UInt32(clamping: records.count)
        if records.count * 2 > slots.count { grow() }
        return true
    }

    /// Where the key is, or would be.
    private func slotIndex(of key: UnsafeBufferPointer<UInt8>) -> Int {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: Self.hash(key)) & mask
        while slots[index] != 0 {
            let record = records[Int(slots[index]) - 1]
            if octets[Int(record.keyStart)..<Int(record.keyEnd)].elementsEqual(key) { break }
            index = (index + 1) & mask
        }
        return index
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = Array(repeating: 0, count: slots.count * 2)
        octets.withUnsafeBufferPointer { all in
            for (number, record) in records.enumerated() {
                let key = UnsafeBufferPointer(rebasing: all[Int(record.keyStart)..<Int(record.keyEnd)])
                var index = Int(truncatingIfNeeded: Self.hash(key)) & mask
                while slots[index] != 0 { index = (index + 1) & mask }
                slots[index] = UInt32(clamping: number + 1)
            }
        }
    }

    /// FNV-1a: the keys are the operator's, nobody can fill one slot with them.
    private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash ^ (hash >> 32)
    }
}

// MARK: - Reading

extension TextTable {
    /// Reads `key value` lines; what is wrong goes to `report`.
    static func read(_ text: [UInt8], file: String, report: (TableDiagnostic) -> Void) -> TextTable {
        var table = TextTable(file: file)
        var lines = LogicalLines(text)
        while let line = lines.next() {
            do throws(RuleProblem) {
                let (key, value) = try entry(line)
                let warning = warning(key: key, isNew: table.insert(key, value: value, line: line.number))
                guard let warning else { continue }
                report(.init(.warning, file: file, line: line.number, warning.message, remedy: warning.remedy))
            } catch {
                report(.init(file: file, line: line.number, error.message, remedy: error.remedy))
            }
        }
        return table
    }

    /// - Parameter file: of the manifest.
    static func read(
        _ entries: [TableSource.Entry], file: String, report: (TableDiagnostic) -> Void
    ) -> TextTable {
        var table = TextTable(file: file)
        for entry in entries {
            let isNew = table.insert(entry.key, value: Array(entry.value.utf8)[...], line: entry.line)
            guard let warning = warning(key: entry.key, isNew: isNew) else { continue }
            report(.init(.warning, file: file, line: entry.line, warning.message, remedy: warning.remedy))
        }
        return table
    }

    private static func warning(key: String, isNew: Bool) -> RuleProblem? {
        guard isNew else {
            return RuleProblem(
                message: "duplicate entry `\(key)`", remedy: "remove one of them; the first one is used")
        }
        guard key.last == ":" else { return nil }
        return RuleProblem(
            message: "the key `\(key)` ends with a colon: is this an aliases file (`name: value`)?",
            remedy: "write `key value`, without the colon"
        )
    }

    /// The key ends at the first blank outside quotes; quotes and backslashes stay.
    private static func entry(
        _ line: LogicalLines.Line
    ) throws(RuleProblem) -> (key: String, value: ArraySlice<UInt8>) {
        guard !line.isIndented else {
            throw RuleProblem(
                message: "begins with a blank, but there is no line before it that it could continue",
                remedy: "remove the blanks at its start")
        }
        guard line.bytes.tableText != nil else {
            throw RuleProblem(message: "is not UTF-8 text", remedy: "save the file as UTF-8")
        }
        var inQuotes = false
        var end = line.bytes.startIndex
        while end < line.bytes.endIndex {
            let byte = line.bytes[end]
            if byte == UInt8(ascii: "\\") {
                end += 1
                if end == line.bytes.endIndex { break }
            } else if byte == UInt8(ascii: "\"") {
                inQuotes.toggle()
            } else if byte.isTableSpace, !inQuotes {
                break
            }
            end += 1
        }
        guard !inQuotes else {
            throw RuleProblem(message: "has a key whose quotes don't end", remedy: "write a second `\"`")
        }
        let value = line.bytes[end...].trimmingTableSpace
        let key = String(decoding: line.bytes[..<end], as: UTF8.self)
        guard !value.isEmpty else {
            throw RuleProblem(message: "has the key `\(key)` and no value", remedy: "write `key value`, or remove it")
        }
        return (key, value)
    }
}
