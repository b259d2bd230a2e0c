import MailSyntax

/// The first octets of the first text part, kept while they pass by, for the preview.
struct PreviewSample {
    static let maximumCharacters = 200

    private enum State {
        case waiting
        case taking(node: Int)
        case done
    }

    private var state = State.waiting
    private var bytes: [UInt8] = []
    private var limit = 0
    private var part = MIMEPart()

    /// True until a text part has been found.
    var isWaiting: Bool {
        if case .waiting = state { return true }
        return false
    }

    /// The body of a text part begins.
    mutating func start(node: Int, part: MIMEPart) {
        guard case .waiting = state, !part.isAttachment else { return }
        guard part.subtype == "plain" || part.subtype == "html" || part.subtype == "enriched" else { return }
        state = .taking(node: node)
        self.part = part
        // Style sheets stand before the text of HTML.
        limit = part.subtype == "html" ? 16384 : 2048
    }

    mutating func take(_ piece: UnsafeRawBufferPointer) {
        guard case .taking = state, bytes.count < limit else { return }
        bytes.append(contentsOf: piece.prefix(limit - bytes.count))
    }

    /// A part ends with that many octets in its body.
    mutating func close(node: Int, octets: Int) {
        guard case .taking(let own) = state, own == node else { return }
        if bytes.count > octets { bytes.removeSubrange(octets...) }
        // A first part with nothing in it stands before the text in many a newsletter.
        state = bytes.contains { $0 > 0x20 } ? .done : .waiting
        if case .waiting = state { bytes = [] }
    }

    /// At most 200 characters, blanks folded.
    func text() -> String {
        guard !bytes.isEmpty else { return "" }
        let content = PartDecoder.decode(bytes, transferEncoding: part.transferEncoding)
        let label = part.parameter("charset") ?? "us-ascii"
        guard part.subtype == "html" else {
            let isPlain = part.subtype == "plain"
            if isPlain, let quick = asciiPreview(content) { return quick }
            let isCut = content.count > 4096 || bytes.count >= limit
            return Self.fold(Charset.decode(Self.withoutCutCharacter(content.prefix(4096), isCut), label: label))
        }
        // The character set first, so that tags are found in UTF-16 and ISO-2022 too.
        let text = Charset.decode(Self.withoutCutCharacter(content[...], bytes.count >= limit), label: label)
        return Self.fold(String(decoding: HTMLText.strip(text.utf8, limit: 4096), as: UTF8.self))
    }

    /// A sample may end in the middle of a character, which must not make its UTF-8 look like something else.
    private static func withoutCutCharacter(_ bytes: ArraySlice<UInt8>, _ isSample: Bool) -> ArraySlice<UInt8> {
        guard isSample else { return bytes }
        let tail = bytes.suffix(3)
        guard let lead = tail.lastIndex(where: { $0 & 0xC0 == 0xC0 }) else { return bytes }
        let length = bytes[lead] >= 0xF0 ? 4 : bytes[lead] >= 0xE0 ? 3 : 2
        let isCut = bytes.endIndex - lead < length && bytes[(lead + 1)...].allSatisfy { $0 & 0xC0 == 0x80 }
        return isCut ? bytes[..<lead] : bytes
    }

    private func asciiPreview(_ content: [UInt8]) -> String? {
        var out: [UInt8] = []
        out.reserveCapacity(Self.maximumCharacters)
        var blank = false
        for byte in content {
            guard byte < 0x80, byte != 0x1B, byte != 0x2B else { return nil }  // ISO-2022 and UTF-7 are 7-bit too
            if byte <= 32 || byte == 127 {
                blank = !out.isEmpty
                continue
            }
            if blank, out.count < Self.maximumCharacters { out.append(32) }
            blank = false
            if out.count == Self.maximumCharacters { break }
            out.append(byte)
        }
        if out.last == 32 { out.removeLast() }
        return String(decoding: out, as: UTF8.self)
    }

    static func fold(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        var blank = false
        var count = 0
        for scalar in text.unicodeScalars {
            if scalar.value <= 32 || scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
                || scalar == "\u{FEFF}" || scalar == "\u{200B}" || scalar == "\u{200C}" || scalar == "\u{034F}"
            {
                blank = count > 0
                continue
            }
            if blank {
                out.append(" ")
                count += 1
            }
            blank = false
            guard count < maximumCharacters else { break }
            out.append(scalar)
            count += 1
        }
        // A character cut in the middle of its sequence at the end of the sample.
        while out.last == "\u{FFFD}" { out.removeLast() }
        var result = String(out)
        while result.last == " " { result.removeLast() }
        return result
    }
}
