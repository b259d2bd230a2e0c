/// How much change on the way a signature bears. // RFC 6376 §3.4
package enum DKIMCanonicalization: String, Sendable, Hashable, CaseIterable {
    case simple
    case relaxed

    /// The field as it is hashed, with its final CRLF.
    /// - Parameter field: the whole field as it stands, with or without the final CRLF.
    package func header(_ field: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .simple:  // RFC 6376 §3.4.1
            Array(field.droppingFinalBreak) + Octet.lineBreak
        case .relaxed:
            Self.relaxed(field) + Octet.lineBreak
        }
    }

    /// Only CRLF before a blank is folding: a CR or LF that stands alone is an octet of the value, so that nobody can
    /// put one into a signed field. // RFC 6376 §3.4.2
    private static func relaxed(_ field: ArraySlice<UInt8>) -> [UInt8] {
        let field = field.droppingFinalBreak
        let colon = field.firstIndex(of: Octet.colon) ?? field.endIndex
        var out: [UInt8] = []
        out.reserveCapacity(field.count + 2)
        for octet in field[..<colon].trimmingFolding { out.append(Octet.lowercased(octet)) }
        out.append(Octet.colon)
        guard colon < field.endIndex else { return out }
        field[(colon + 1)...].withUnsafeBufferPointer { value in
            let start = out.count
            var pendingSpace = false
            var index = 0
            while index < value.count {
                let octet = value[index]
                if octet == Octet.carriageReturn, index + 2 < value.count, value[index + 1] == Octet.lineFeed,
                    Octet.isSpace(value[index + 2])
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
                if pendingSpace, out.count > start { out.append(Octet.space) }
                pendingSpace = false
                out.append(octet)
            }
        }
        return out
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
