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

    package init(_ block: HeaderBlock) {
        fields = block.fields.map { Field(name: $0.name, bytes: Array(block.bytes[$0.range])) }
        ending = block.bytes[(block.fields.last?.range.upperBound ?? 0)...]
    }

    package var bytes: [UInt8] { fields.flatMap(\.bytes) + ending }

    /// Makes a change of the header; others change nothing.
    package mutating func apply(_ change: MilterChange) {
        switch change {
        case .addHeader(let name, let value):
            fields.append(Self.field(name, value))
        case .insertHeader(let index, let name, let value):
            fields.insert(Self.field(name, value), at: min(max(index, 0), fields.count))
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
        case (let place?, let value?): fields[place] = Self.field(fields[place].name, value)
        case (let place?, nil): fields.remove(at: place)
        case (nil, let value?): fields.append(Self.field(name, value))
        case (nil, nil): return
        }
    }

    private static func field(_ name: String, _ value: [UInt8]) -> Field {
        Field(name: name, bytes: Array(name.utf8) + [0x3A] + value + [0x0D, 0x0A])
    }
}
