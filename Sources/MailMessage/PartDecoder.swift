import MailSyntax

/// Undoes content transfer encodings and character sets of parts.
package enum PartDecoder {
    /// The octets the encoding stands for. Never fails: what isn't encoded properly is decoded as far as it goes, and
    /// an unknown encoding is passed through.
    package static func decode(_ bytes: [UInt8], transferEncoding: String?) -> [UInt8] {
        switch transferEncoding?.lowercased() {
        case "base64": Base64.decodeLenient(bytes)
        case "quoted-printable": QuotedPrintable.decode(bytes)
        case "x-uuencode", "x-uue", "uuencode": decodeUU(bytes)
        default: bytes
        }
    }

    /// The text of a text part: encoding undone and character set decoded.
    package static func text(_ bytes: [UInt8], part: MIMEPart) -> String {
        let content = decode(bytes, transferEncoding: part.transferEncoding)
        return Charset.decode(content, label: part.parameter("charset") ?? "us-ascii")
    }

    private static func decodeUU(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var inside = false
        for line in bytes.split(separator: 10) {
            let text = line.last == 13 ? line.dropLast() : line
            if text.starts(with: "begin ".utf8) {
                inside = true
            } else if text.elementsEqual("end".utf8) {
                return out
            } else if inside, let first = text.first {
                decodeUULine(text.dropFirst(), count: Int((first &- 32) & 63), to: &out)
            }
        }
        return inside ? out : bytes
    }

    private static func decodeUULine(_ digits: ArraySlice<UInt8>, count: Int, to out: inout [UInt8]) {
        var word: UInt32 = 0
        var held = 0
        var left = count
        for digit in digits where left > 0 {
            word = word << 6 | UInt32((digit &- 32) & 63)
            held += 1
            guard held == 4 else { continue }
            for shift in [16, 8, 0] as [UInt32] where left > 0 {
                out.append(UInt8(truncatingIfNeeded: word >> shift))
                left -= 1
            }
            word = 0
            held = 0
        }
    }
}
