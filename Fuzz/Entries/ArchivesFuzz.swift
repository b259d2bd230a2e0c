import Archives

enum ArchivesFuzz {
    static let entries = [FuzzEntry("report-archive", archive)]

    /// No more comes out than is allowed, and what is compressed again is unpacked as the same.
    static func archive(_ bytes: [UInt8]) {
        let limits = ArchiveLimits(output: 1 << 20, ratio: 300, ratioFree: 1 << 16)
        func unpack(_ bytes: [UInt8]) throws(ArchiveError) -> [UInt8] {
            let unpacker = try Unpacker(bytes, limits: limits)
            var out: [UInt8] = []
            while let piece = try unpacker.next() {
                precondition(!piece.isEmpty, "an empty piece")
                out += piece
                precondition(out.count <= limits.output, "more than is allowed")
            }
            return out
        }
        do {
            let out = try unpack(bytes)
            precondition(out.count <= max(limits.ratioFree, (bytes.count + 1) * (limits.ratio + 1)), "it grew too much")
        } catch {
            precondition(error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "words that can't be shown")
        }
        guard let packed = try? GzipEncoder.compress(bytes), !bytes.starts(with: [0x1F, 0x8B]),
            !bytes.starts(with: [0x50, 0x4B])
        else { return }
        precondition((try? unpack(packed)) == bytes, "what was compressed came back as another")
    }
}
