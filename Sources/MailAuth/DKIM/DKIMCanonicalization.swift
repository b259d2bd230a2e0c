/// How much change on the way a signature bears. // RFC 6376 §3.4
package enum DKIMCanonicalization: String, Sendable, Hashable, CaseIterable {
    case simple
    case relaxed

    /// The field as it is hashed, with its final CRLF.
    /// - Parameter field: the whole field as it stands, with or without the final CRLF.
    package func header(_ field: ArraySlice<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: field.count + Self.mostAdded) { out, count in
            write(field, to: out, &count)
        }
    }

    /// What ``header(_:)`` gives for several fields, one behind the other.
    func headers(_ fields: [RawHeader.Field]) -> [UInt8] {
        let room = fields.reduce(0) { $0 + $1.bytes.count + Self.mostAdded }
        return [UInt8](unsafeUninitializedCapacity: room) { out, count in
            for field in fields { write(field.bytes, to: out, &count) }
        }
    }

    /// What a canonical field has more than the field at most: CRLF and a colon.
    private static let mostAdded = 3

    private func write(_ field: ArraySlice<UInt8>, to out: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        field.droppingFinalBreak.withUnsafeBufferPointer { field in
            switch self {
            case .simple:  // RFC 6376 §3.4.1
                for octet in field {
                    out[count] = octet
                    count += 1
                }
            case .relaxed: Self.relaxed(field, to: out, &count)
            }
        }
        out[count] = Octet.carriageReturn
        out[count + 1] = Octet.lineFeed
        count += 2
    }

    /// Only CRLF before a blank is folding: a CR or LF that stands alone is an octet of the value, so that nobody can
    /// put one into a signed field. // RFC 6376 §3.4.2
    private static func relaxed(
        _ field: UnsafeBufferPointer<UInt8>, to out: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
    ) {
        let colon = field.firstIndex(of: Octet.colon) ?? field.count
        for index in DKIMTagList.trimmed(field, 0..<colon) {
            out[count] = Octet.lowercased(field[index])
            count += 1
        }
        out[count] = Octet.colon
        count += 1
        relaxedValue(field, from: colon + 1, to: out, &count)
    }

    private static func relaxedValue(
        _ field: UnsafeBufferPointer<UInt8>, from first: Int, to out: UnsafeMutableBufferPointer<UInt8>,
        _ count: inout Int
    ) {
        let start = count
        var pendingSpace = false
        var index = first
        while index < field.count {
            let octet = field[index]
            if octet == Octet.carriageReturn, index + 2 < field.count, field[index + 1] == Octet.lineFeed,
                Octet.isSpace(field[index + 2])
            {
                pendingSpace = true
                index += 3
                continue
            }
            index += 1
            if Octet.isSpace(octet) {
                pendingSpace = true
                continue
            }
            if pendingSpace, count > start {
                out[count] = Octet.space
                count += 1
            }
            pendingSpace = false
            out[count] = octet
            count += 1
        }
    }
}

/// The octets that matter here.
enum Octet {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let lineBreak: [UInt8] = [carriageReturn, lineFeed]

    static func isSpace(_ octet: UInt8) -> Bool { octet == space || octet == tab }
    static func isBreak(_ octet: UInt8) -> Bool { octet == carriageReturn || octet == lineFeed }
    static func isFolding(_ octet: UInt8) -> Bool { isSpace(octet) || isBreak(octet) }
    static func lowercased(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }
}

extension ArraySlice<UInt8> {
    /// Without one CRLF, or LF, at the end.
    var droppingFinalBreak: ArraySlice<UInt8> {
        guard last == Octet.lineFeed else { return self }
        let slice = dropLast()
        return slice.last == Octet.carriageReturn ? slice.dropLast() : slice
    }

    var trimmingFolding: ArraySlice<UInt8> {
        var slice = self.drop(while: Octet.isFolding)
        while let last = slice.last, Octet.isFolding(last) { slice = slice.dropLast() }
        return slice
    }

    var withoutFolding: [UInt8] { filter { !Octet.isFolding($0) } }
}
