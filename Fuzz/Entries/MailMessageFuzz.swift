import MailMessage

enum MailMessageFuzz {
    static let entries = [
        FuzzEntry("message", FuzzEntries.scan),
        FuzzEntry("message-index", FuzzEntries.decodeIndex),
        FuzzEntry("header", FuzzEntries.header),
        FuzzEntry("address-list", FuzzEntries.addresses),
        FuzzEntry("header-addresses", FuzzEntries.headerAddresses),
        FuzzEntry("conversion", conversion),
        FuzzEntry("text", FuzzEntries.syntax),
        FuzzEntry("search-text", FuzzEntries.searchText),
        FuzzEntry("sort-keys", FuzzEntries.sortKeys),
        FuzzEntry("threads", FuzzEntries.threads),
        FuzzEntry("transfer-decoder", transferDecoder),
        FuzzEntry("surrogate", surrogate),
    ]

    /// Converted or refused; what was converted is narrow enough to need nothing more.
    static func conversion(_ bytes: [UInt8]) {
        func convert(_ message: [UInt8], _ path: TransferPath) -> [UInt8]? {
            var out: [UInt8] = []
            let source: TransferConverter.Source = { Array(message[$0.clamped(to: 0..<message.count)]) }
            guard let converter = try? TransferConverter(to: path, size: message.count, source: source),
                (try? converter.write { out += $0 }) != nil
            else { return nil }
            return out
        }
        for path in [TransferPath.sevenBit, .eightBit] {
            guard let once = convert(bytes, path) else { continue }
            precondition(convert(once, path) == once, "what was converted is converted again")
        }
    }

    /// Decoded in pieces a part is what it is decoded in one go, up to the longest line that is held back.
    static func transferDecoder(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let encoding = ["base64", "quoted-printable", "8bit"][Int(choice) % 3]
        let octets = Array(bytes.dropFirst())
        func decode(_ pieces: [[UInt8]]) -> [UInt8] {
            guard var decoder = TransferDecoder(encoding) else { return [] }
            return pieces.flatMap { decoder.decode($0) } + decoder.finish()
        }
        let whole = decode([octets])
        precondition(decode(FuzzCuts.single(octets)) == whole, "single octets are decoded to something else")
        precondition(decode(FuzzCuts.random(octets, seed: choice)) == whole, "pieces are decoded to something else")
        precondition(whole.count <= octets.count, "decoding makes longer")
    }

    /// A surrogate is as long as it says, has ASCII headers, and is the message itself where none is needed.
    static func surrogate(_ bytes: [UInt8]) {
        let source: SurrogateMessage.Source = { Array(bytes[$0.clamped(to: 0..<bytes.count)]) }
        let structure = MessageIndex(scanning: bytes).structure
        func make(_ piece: Int) -> (octets: [UInt8], isSurrogate: Bool)? {
            guard var made = try? SurrogateMessage(of: structure, size: bytes.count, source: source) else { return nil }
            var out: [UInt8] = []
            while let next = try? made.next(piece, source: source) { out += next }
            precondition(out.count == made.size, "a surrogate of another length than it says")
            return (out, made.isSurrogate)
        }
        guard let whole = make(1 << 20) else { return }
        precondition(whole.isSurrogate || whole.octets == bytes, "a message that needs no surrogate is changed")
        precondition(make(7)?.octets == whole.octets, "in pieces it is another")
        let header = SurrogateHeader.make(MessageIndex(scanning: bytes).headerBlock)
        precondition(header.allSatisfy { $0 < 0x80 }, "a surrogate's header is not ASCII")
    }
}
