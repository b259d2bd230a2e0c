/// RFC 2045 §6.7 quoted-printable.
package enum QuotedPrintable {
    /// Encodes text whose line ends are CRLF or LF (both become CRLF); lines stay within 76 octets.
    package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        var out: [UInt8] = []
        out.reserveCapacity(input.count + input.count / 8)
        var column = 0
        var index = 0
        var isSoftlyBroken = false
        while index < input.count {
            let byte = input[index]
            if byte == 10 || (byte == 13 && index + 1 < input.count && input[index + 1] == 10) {
                out += [13, 10]
                column = 0
                isSoftlyBroken = false
                index += byte == 10 ? 1 : 2
                continue
            }
            let atEnd = index + 1 == input.count || input[index + 1] == 10 || input[index + 1] == 13
            // A soft break must not make a line that looks like the boundary of the part.
            let isDash = byte == 0x2D && column == 0 && isSoftlyBroken
            let literal = !isDash && isLiteral(byte, atLineEnd: atEnd, column: column)
            let width = literal ? 1 : 3
            if column + width > (atEnd ? 76 : 75) {
                out += [0x3D, 13, 10]
                column = 0
                isSoftlyBroken = true
                continue
            }
            if literal { out.append(byte) } else { appendEscape(byte, to: &out) }
            column += width
            index += 1
        }
        return out
    }

    /// Never fails: a broken escape is kept as it stands; trailing blanks of a line are dropped (RFC 2045 §6.7 rule 3).
    package static func decode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { decodeBytes($0) } ?? Array(bytes).withUnsafeBufferPointer(decodeBytes)
    }

    static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
        out.append(0x3D)
        out.append(hexDigit(byte >> 4))
        out.append(hexDigit(byte & 15))
    }

    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + (value & 15) }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    private static func isLiteral(_ byte: UInt8, atLineEnd: Bool, column: Int) -> Bool {
        switch byte {
        case 0x20, 0x09: !atLineEnd
        case 0x3D: false
        // "." alone on a line and "From " at its start are mangled by old transports.
        case 0x2E, 0x46: column != 0
        case 33...126: true
        default: false
        }
    }

    private static func decodeBytes(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(input.count)
        var index = 0
        /// Length up to which `out` may not lose blanks at a line end.
        var solid = 0
        while index < input.count {
            let byte = input[index]
            switch byte {
            case 0x3D:
                let consumed = escape(input, at: index, to: &out)
                solid = out.count
                index += consumed
            case 10:
                let carriageReturn = out.count > solid && out.last == 13
                if carriageReturn { out.removeLast() }
                while out.count > solid, out.last == 0x20 || out.last == 0x09 { out.removeLast() }
                if carriageReturn { out.append(13) }
                out.append(10)
                solid = out.count
                index += 1
            default:
                out.append(byte)
                index += 1
            }
        }
        while out.count > solid, out.last == 0x20 || out.last == 0x09 { out.removeLast() }
        return out
    }

    /// Reads what stands at `=`; returns the octets used.
    private static func escape(_ input: UnsafeBufferPointer<UInt8>, at index: Int, to out: inout [UInt8]) -> Int {
        if index + 2 < input.count, let high = hexValue(input[index + 1]), let low = hexValue(input[index + 2]) {
            out.append(high << 4 | low)
            return 3
        }
        var end = index + 1
        while end < input.count, input[end] == 0x20 || input[end] == 0x09 { end += 1 }
        if end == input.count { return end - index }
        if input[end] == 10 { return end + 1 - index }
        if input[end] == 13 { return end + 1 < input.count && input[end + 1] == 10 ? end + 2 - index : end + 1 - index }
        out.append(0x3D)
        return 1
    }
}
