import MailSyntax

/// Makes a message fit for a way that carries less than the message needs: the bodies of its parts are encoded, their
/// Content-Transfer-Encoding fields say so, and all else stays as it is. // RFC 6152 §3, RFC 3030 §3, RFC 2045 §6
///
/// It reads the message in pieces and holds none of it, so that large ones can be converted. Header fields that are
/// beyond ASCII stay: no encoding can be put on them without understanding each.
package struct TransferConverter {
    /// Octets from the start of the message; shorter at its end.
    package typealias Source = (Range<Int>) throws -> [UInt8]

    enum Edit {
        /// Put the field of the encoding into the header; nil takes nothing away.
        case header(encoding: String?, adds: [String])
        case encode(PartEncoder.Encoding)
        /// Octets between parts that nobody reads: what is beyond the path becomes `?`.
        case filler
    }

    let path: TransferPath
    let source: Source
    let size: Int
    private(set) var edits: [(range: Range<Int>, edit: Edit)] = []

    static let pieceSize = 65_536

    /// Looks the message over.
    ///
    /// - Parameter size: of the message, in octets.
    /// - Throws: ``ConversionError``, or what `source` throws.
    package init(to path: TransferPath, size: Int, source: @escaping Source) throws {
        self.path = path
        self.size = size
        self.source = source
        guard try needsWork() else { return }
        var scanner = MessageScanner()
        try Self.pieces(of: 0..<size, source) { scanner.consume($0) }
        let structure = scanner.finish().structure
        try plan(structure, isRoot: true)
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// The message is fine as it is.
    package var isIdentity: Bool { edits.isEmpty }

    /// Writes the converted message.
    package func write(to sink: ([UInt8]) throws -> Void) throws {
        var position = 0
        for (range, edit) in edits {
            guard range.lowerBound >= position else { throw ConversionError.structure }
            try Self.pieces(of: position..<range.lowerBound, source, sink)
            switch edit {
            case .header(let encoding, let adds):
                try sink(HeaderEdit.replaceEncoding(try source(range), with: encoding, adding: adds))
            case .filler:
                try Self.pieces(of: range, source) { try sink($0.map { $0 >= 0x80 || $0 == 0 ? 0x3F : $0 }) }
            case .encode(let encoding):
                var encoder = PartEncoder(encoding)
                try Self.pieces(of: range, source) { try sink(encoder.encode($0)) }
                try sink(encoder.finish())
                if range.upperBound == size, encoding == .base64 { try sink([0x0D, 0x0A]) }
            }
            position = range.upperBound
        }
        try Self.pieces(of: position..<size, source, sink)
    }

    /// Most messages are ASCII: one look is enough.
    private func needsWork() throws -> Bool {
        var census = OctetCensus()
        try Self.pieces(of: 0..<size, source) { census.take($0) }
        census.finish()
        return !census.fits(path)
    }

    /// Reads a range piece by piece.
    package static func pieces(of range: Range<Int>, _ source: Source, _ body: ([UInt8]) throws -> Void) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let piece = try source(offset..<min(range.upperBound, offset + pieceSize))
            guard !piece.isEmpty else { return }
            offset += piece.count
            try body(piece)
        }
    }

    private func census(_ range: Range<Int>) throws -> OctetCensus {
        var census = OctetCensus()
        try Self.pieces(of: range, source) { census.take($0) }
        census.finish()
        return census
    }

    // MARK: What to do with each part

    private mutating func plan(_ part: MIMEPart, isRoot: Bool) throws {
        guard try !census(part.bodyRange).fits(path) || declaresTooMuch(part) else { return }
        if part.isMultipart {
            try planMultipart(part)
        } else if part.type == "message", part.subtype == "rfc822", let inner = part.children.first {
            edits.append((part.headerRange, .header(encoding: label, adds: [])))
            try plan(inner, isRoot: true)
        } else {
            try planLeaf(part, isRoot: isRoot)
        }
    }

    /// Of parts that hold others, where nothing may be encoded.
    private var label: String { path == .sevenBit ? "7bit" : "8bit" }

    /// The body would pass, its label says that it might not.
    private func declaresTooMuch(_ part: MIMEPart) -> Bool {
        part.transferEncoding == "binary" || (path == .sevenBit && part.transferEncoding == "8bit")
    }

    private mutating func planMultipart(_ part: MIMEPart) throws {
        guard part.subtype != "signed" else { throw ConversionError.signed }
        guard !part.children.isEmpty else { throw ConversionError.structure }
        edits.append((part.headerRange, .header(encoding: label, adds: [])))
        var position = part.bodyRange.lowerBound
        for child in part.children {
            guard child.headerRange.lowerBound >= position else { throw ConversionError.structure }
            edits.append((position..<child.headerRange.lowerBound, .filler))
            try plan(child, isRoot: false)
            position = max(child.headerRange.upperBound, child.bodyRange.upperBound)
        }
        guard part.bodyRange.upperBound >= position else { throw ConversionError.structure }
        edits.append((position..<part.bodyRange.upperBound, .filler))
    }

    private mutating func planLeaf(_ part: MIMEPart, isRoot: Bool) throws {
        let census = try census(part.bodyRange)
        guard !census.fits(path) else {
            edits.append((part.headerRange, .header(encoding: label, adds: [])))
            return
        }
        let declared = part.transferEncoding ?? "7bit"
        guard ["7bit", "8bit", "binary"].contains(declared) else {
            throw ConversionError.mislabelled(encoding: declared)
        }
        guard part.type != "message" || part.subtype == "global" else {
            throw ConversionError.forbidden(type: "message/\(part.subtype)")
        }
        let encoding = Self.encoding(part, census)
        let adds = isRoot ? try missingFields(part, census) : []
        edits.append((part.headerRange, .header(encoding: encoding.rawValue, adds: adds)))
        edits.append((part.bodyRange, .encode(encoding)))
    }

    /// Quoted-printable for what people could read, base64 where every octet counts or most would be escaped.
    private static func encoding(_ part: MIMEPart, _ census: OctetCensus) -> PartEncoder.Encoding {
        let isText = part.type == "text" || part.type == "message"
        guard isText, !census.hasNUL, !census.hasBareEnd, census.eightBit <= census.octets / 4 else { return .base64 }
        return .quotedPrintable
    }

    /// What makes a message of before MIME one that a reader can undo. // RFC 1428 §3
    private func missingFields(_ part: MIMEPart, _ census: OctetCensus) throws -> [String] {
        let header = try source(part.headerRange)
        var fields: [String] = []
        if !HeaderEdit.has("mime-version", in: header) { fields.append("MIME-Version: 1.0") }
        if !HeaderEdit.has("content-type", in: header) {
            fields.append("Content-Type: text/plain; charset=\(census.isUTF8 ? "utf-8" : "unknown-8bit")")
        }
        return fields
    }
}
