import Glibc

/// Text in a named character set to Unicode and back.
package enum Charset {
    /// Never fails: octets that are not in the set become U+FFFD; an unknown set is read as UTF-8 when valid, else as
    /// Windows-1252.
    package static func decode(_ bytes: some Collection<UInt8>, label: some StringProtocol) -> String {
        let name = canonical(label)
        switch name {
        case "utf-8": return String(decoding: bytes, as: UTF8.self)
        case "us-ascii", "": return decodeUnlabelled(bytes)
        case "windows-1252": return decodeWindows1252(bytes)
        default: return decodeByIconv(Array(bytes), name: name) ?? decodeUnlabelled(bytes)
        }
    }

    /// UTF-8 when it is valid, else Windows-1252: what unlabelled 8-bit mail turns out to be.
    package static func decodeUnlabelled(_ bytes: some Collection<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? decodeWindows1252(bytes)
    }

    /// True when text in this set can be decoded.
    package static func isKnown(_ label: some StringProtocol) -> Bool {
        let name = canonical(label)
        if ["utf-8", "us-ascii", "windows-1252"].contains(name) { return true }
        guard let converter = open(name, to: "UTF-8") else { return false }
        iconv_close(converter)
        return true
    }

    /// Lower-case, with the aliases mail is full of resolved; empty for what can't be a name.
    private static func canonical(_ label: some StringProtocol) -> String {
        var name = label.lowercased()
        // RFC 2231 §5: a language may follow in an encoded word.
        if let star = name.firstIndex(of: "*") { name = String(name[..<star]) }
        guard name.utf8.count <= 40, name.utf8.allSatisfy(isNameOctet) else { return "" }
        switch name {
        case "utf-8", "utf8", "unicode-1-1-utf-8": return "utf-8"
        case "us-ascii", "ascii", "ansi_x3.4-1968", "7bit", "8bit", "unknown-8bit", "default", "x-unknown", "unknown":
            return "us-ascii"
        // Windows-1252 holds Latin-1 and the letters that are there in practice.
        case "iso-8859-1", "latin1", "iso8859-1", "iso_8859-1", "windows-1252", "cp1252", "cp-1252", "x-ansi":
            return "windows-1252"
        case "unicode-1-1-utf-7", "utf7", "x-unicode-2-0-utf-7": return "utf-7"
        case "gb2312", "gb_2312-80", "gbk", "x-gbk", "cp936", "chinese": return "gb18030"
        case "ks_c_5601-1987", "ks_c_5601", "ksc5601", "euc-kr", "korean", "ks_c_5601-1989", "5601": return "cp949"
        case "shift_jis", "shift-jis", "x-sjis", "sjis", "windows-31j": return "cp932"
        case "x-mac-roman", "macroman", "x-macintosh": return "macintosh"
        case "iso-8859-8-i", "iso-8859-8-e": return "iso-8859-8"
        case "iso-8859-6-i", "iso-8859-6-e": return "iso-8859-6"
        case "big5", "x-x-big5": return "big5-hkscs"
        default:
            if name.hasPrefix("cp-") { return "cp" + name.dropFirst(3) }
            if name.hasPrefix("windows") { return "cp" + name.drop { !$0.isNumber } }
            return name
        }
    }

    /// No `/`: iconv reads what follows it as options.
    private static func isNameOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 97...122, 0x2D, 0x5F, 0x2E, 0x3A, 0x2B: true
        default: false
        }
    }

    private static func open(_ from: String, to: String) -> iconv_t? {
        guard !from.isEmpty, let converter = iconv_open(to, from) else { return nil }
        return Int(bitPattern: converter) == -1 ? nil : converter
    }

    private static func decodeByIconv(_ bytes: [UInt8], name: String) -> String? {
        guard let converter = open(name, to: "UTF-8") else { return nil }
        defer { iconv_close(converter) }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2 + 16)
        var input = bytes.map { CChar(bitPattern: $0) }
        var position = 0
        let total = input.count
        var chunk = [CChar](repeating: 0, count: min(max(total * 2, 64), 65536))
        let capacity = chunk.count
        while position < total {
            var produced = 0
            let start = position
            let failed = input.withUnsafeMutableBufferPointer { source in
                chunk.withUnsafeMutableBufferPointer { target in
                    var from = source.baseAddress.map { $0 + position }
                    var left = total - position
                    var to = target.baseAddress
                    var space = capacity
                    let status = iconv(converter, &from, &left, &to, &space)
                    position = total - left
                    produced = capacity - space
                    return status == -1
                }
            }
            output.append(contentsOf: chunk[..<produced].lazy.map { UInt8(bitPattern: $0) })
            guard failed else { break }
            let full = produced > 0 && errno == E2BIG
            if !full {
                output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                position = max(position, start) + 1
            }
        }
        // Sets with combining marks hold the last letter back.
        let held = chunk.withUnsafeMutableBufferPointer { target in
            var to = target.baseAddress
            var space = capacity
            _ = iconv(converter, nil, nil, &to, &space)
            return capacity - space
        }
        output.append(contentsOf: chunk[..<held].lazy.map { UInt8(bitPattern: $0) })
        return String(decoding: output, as: UTF8.self)
    }

    private static func decodeWindows1252(_ bytes: some Collection<UInt8>) -> String {
        var out = ""
        out.reserveCapacity(bytes.count)
        for byte in bytes {
            let scalar = (0x80...0x9F).contains(byte) ? windows1252High[Int(byte) - 0x80] : Unicode.Scalar(byte)
            out.unicodeScalars.append(scalar)
        }
        return out
    }

    private static let windows1252High = Array(
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ".unicodeScalars
    )
}
