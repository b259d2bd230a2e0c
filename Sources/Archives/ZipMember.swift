/// The only file of a zip archive, found by its directory and held against its own header.
///
/// Archives that could be read in two ways are refused: several files, files that overlap, sizes that differ, octets
/// between the parts. So is what no report needs: encryption, zip64, other methods than stored and deflated.
struct ZipMember {
    enum Method {
        case stored
        case deflated
    }

    let name: String
    let method: Method
    /// As it stands in the archive.
    let content: ArraySlice<UInt8>
    /// Octets when unpacked.
    let size: Int
    let checksum: UInt32

    private static let directoryEnd: [UInt8] = [0x50, 0x4B, 5, 6]
    private static let directoryEntry: [UInt8] = [0x50, 0x4B, 1, 2]
    private static let localHeader: [UInt8] = [0x50, 0x4B, 3, 4]

    init(of archive: [UInt8]) throws(ArchiveError) {
        let bytes = Octets(archive)
        let end = try Self.findEnd(archive)
        let counts = (bytes.short(end + 8), bytes.short(end + 10))
        let directory = (size: bytes.long(end + 12), start: bytes.long(end + 16))
        guard bytes.short(end + 4) == 0, bytes.short(end + 6) == 0 else {
            throw ArchiveError(.unsupported, "the zip archive has several disks")
        }
        guard counts.0 != 0xFFFF, directory.size != 0xFFFF_FFFF, directory.start != 0xFFFF_FFFF else {
            throw ArchiveError(.unsupported, "the archive is a zip64, which a report has no need of")
        }
        guard counts == (1, 1) else {
            throw ArchiveError(.unsupported, "the zip archive has \(counts.1) files, not one")
        }
        guard directory.start + directory.size == end, directory.size >= 46,
            archive[directory.start...].starts(with: Self.directoryEntry)
        else { throw ArchiveError(.broken, "the zip archive's directory is not where it is said to be") }
        try self.init(archive, entry: directory.start, end: end)
    }

    /// - Parameters:
    ///   - entry: where the directory's only entry starts, and the files end.
    ///   - end: where it has to end.
    private init(_ archive: [UInt8], entry: Int, end: Int) throws(ArchiveError) {
        let bytes = Octets(archive)
        let flags = bytes.short(entry + 8)
        let packed = bytes.long(entry + 20)
        size = bytes.long(entry + 24)
        checksum = UInt32(truncatingIfNeeded: bytes.long(entry + 16))
        let nameLength = bytes.short(entry + 28)
        guard flags & 1 == 0, flags & 0x2040 == 0 else {
            throw ArchiveError(.unsupported, "the zip archive is encrypted")
        }
        guard entry + 46 + nameLength + bytes.short(entry + 30) + bytes.short(entry + 32) == end else {
            throw ArchiveError(.broken, "the zip archive's directory has other lengths than it says")
        }
        guard packed != 0xFFFF_FFFF, size != 0xFFFF_FFFF, bytes.long(entry + 42) != 0xFFFF_FFFF else {
            throw ArchiveError(.unsupported, "the archive is a zip64, which a report has no need of")
        }
        let methodNumber = bytes.short(entry + 10)
        switch methodNumber {
        case 0: method = .stored
        case 8: method = .deflated
        default: throw ArchiveError(.unsupported, "the zip archive uses method \(methodNumber)")
        }
        let name = archive[(entry + 46)..<(entry + 46 + nameLength)]
        self.name = String(decoding: name, as: UTF8.self)
        // The file's own header says the same.
        guard bytes.long(entry + 42) == 0, entry >= 30, archive.starts(with: Self.localHeader),
            bytes.short(8) == methodNumber, bytes.short(6) & 1 == 0, bytes.short(26) == nameLength,
            archive[30...].starts(with: name)
        else { throw ArchiveError(.broken, "the zip archive's file is not the one that its directory names") }
        let start = 30 + nameLength + bytes.short(28)
        let hasDescriptor = flags & 8 != 0
        guard start + packed <= entry else {
            throw ArchiveError(.broken, "the zip archive's file overlaps its directory")
        }
        let between = entry - start - packed
        guard between == 0 || hasDescriptor && [12, 16].contains(between) else {
            throw ArchiveError(.broken, "the zip archive has something beside its file")
        }
        if !hasDescriptor {
            guard bytes.long(18) == packed, bytes.long(22) == size, bytes.long(14) == Int(checksum) else {
                throw ArchiveError(.broken, "the zip archive says two sizes of its file")
            }
        }
        guard method == .deflated || packed == size else {
            throw ArchiveError(.broken, "the zip archive's stored file has two sizes")
        }
        content = archive[start..<(start + packed)]
    }

    /// The record at the end, behind which only a comment of the length it says may be.
    private static func findEnd(_ archive: [UInt8]) throws(ArchiveError) -> Int {
        let bytes = Octets(archive)
        guard archive.count >= 22 else { throw ArchiveError(.broken, "the zip archive ends early") }
        var place = archive.count - 22
        let last = max(0, place - 0xFFFF)
        while place >= last {
            if archive[place...].starts(with: directoryEnd), place + 22 + bytes.short(place + 20) == archive.count {
                return place
            }
            place -= 1
        }
        throw ArchiveError(.broken, "the zip archive ends early: it has no directory")
    }
}

/// Numbers of an archive, low octets first; 0 beyond its end.
private struct Octets {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func octet(_ place: Int) -> Int { bytes.indices.contains(place) ? Int(bytes[place]) : 0 }
    func short(_ place: Int) -> Int { octet(place) | octet(place + 1) << 8 }
    func long(_ place: Int) -> Int { short(place) | short(place + 2) << 16 }
}
