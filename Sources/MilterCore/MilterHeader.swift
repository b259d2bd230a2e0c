package import MailMessage

/// A header that milters change.
package struct MilterHeader {
    private struct Field {
        var name: String
        /// With its line end.
        var bytes: [UInt8]
    }

    private var fields: [Field]
    /// The blank line, where there is one.
    private let ending: ArraySlice<UInt8>
    package private(set) var isChanged = false
    /// As it would be written.
    package private(set) var octets: Int

    package init(_ block: HeaderBlock) {
        fields = block.fields.map { Field(name: $0.name, bytes: Array(block.bytes[$0.range])) }
        octets = block.bytes.count
        ending = block.bytes[(block.fields.last?.range.upperBound ?? 0)...]
    }

    package var bytes: [UInt8] { fields.flatMap(\.bytes) + ending }

    /// Makes a change of the header; others change nothing.
    package mutating func apply(_ change: MilterChange) {
        switch change {
        case .addHeader(let name, let value):
            add(Self.field(name, value), at: fields.count)
        case .insertHeader(let index, let name, let value):
            add(Self.field(name, value), at: min(max(index, 0), fields.count))
        case .changeHeader(let index, let name, let value):
            edit(index, name, value)
        case .body, .addRecipient, .removeRecipient, .changeSender, .quarantine:
            return
        }
        isChanged = true
    }

    private mutating func edit(_ index: Int, _ name: String, _ value: [UInt8]?) {
        let places = fields.indices.filter { fields[$0].name.lowercased() == name.lowercased() }
        let place = index >= 1 && index <= places.count ? places[index - 1] : nil
        switch (place, value) {
        case (let place?, let value?): add(Self.field(remove(at: place).name, value), at: place)
        case (let place?, nil): _ = remove(at: place)
        case (nil, let value?): add(Self.field(name, value), at: fields.count)
        case (nil, nil): return
        }
    }

    private mutating func add(_ field: Field, at place: Int) {
        octets += field.bytes.count
        fields.insert(field, at: place)
    }

    private mutating func remove(at place: Int) -> Field {
        octets -= fields[place].bytes.count
        return fields.remove(at: place)
    }

    private static func field(_ name: String, _ value: [UInt8]) -> Field {
        Field(name: name, bytes: Array(name.utf8) + [0x3A] + value + [0x0D, 0x0A])
    }
}
