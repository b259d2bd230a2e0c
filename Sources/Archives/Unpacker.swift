/// Unpacks what came as gzip or zip, or passes on what came plain, a piece at a time: what it is shows by its first octets,
/// since names and media types of attachments are often wrong.
///
/// Memory doesn't grow with what comes out. Once it has thrown it is of no more use.
package final class Unpacker {
    package enum Form: String, Sendable {
        case gzip
        case zip
        case plain
    }

    private enum Source {
        case gzip(Inflater)
        case zip(Inflater, ZipMember)
        case plain(ArraySlice<UInt8>)
    }

    /// gzip members one after the other; more than one is rare.
    private static let maximumMembers = 16
    private static let chunk = 64 * 1024

    package let form: Form
    /// The file's name inside a zip archive.
    package private(set) var memberName: String?
    private let limits: ArchiveLimits
    private let packedSize: Int
    private var source: Source
    private var members = 1
    private var output = 0
    private var checksum: UInt = 0

    /// - Throws: when it is an archive that is not read.
    package init(_ content: [UInt8], limits: ArchiveLimits) throws(ArchiveError) {
        self.limits = limits
        packedSize = content.count
        if content.starts(with: [0x1F, 0x8B]) {
            form = .gzip
            source = .gzip(try Inflater(content[...], .gzip))
        } else if content.starts(with: [0x50, 0x4B]) {
            form = .zip
            let member = try ZipMember(of: content)
            memberName = member.name
            guard member.size <= limits.output else { throw Self.tooLarge(limits) }
            source =
                member.method == .deflated
                ? .zip(try Inflater(member.content, .raw), member) : .plain(member.content)
            if member.method == .stored { try Self.verify(member) }
        } else {
            form = .plain
            source = .plain(content[...])
        }
    }

    /// The next piece; nil after the last, when sizes and checksums have been found right.
    package func next() throws(ArchiveError) -> [UInt8]? {
        guard let piece = try piece() else { return nil }
        if output == 0, piece.starts(with: [0x1F, 0x8B]) || piece.starts(with: [0x50, 0x4B, 3, 4]), form != .plain {
            throw ArchiveError(.unsupported, "an archive inside the archive")
        }
        output += piece.count
        guard output <= limits.output else { throw Self.tooLarge(limits) }
        guard form == .plain || output <= limits.ratioFree || output / limits.ratio <= consumed else {
            throw ArchiveError(.tooLarge, "the archive grows more than \(limits.ratio) times")
        }
        return piece
    }

    private static func tooLarge(_ limits: ArchiveLimits) -> ArchiveError {
        ArchiveError(.tooLarge, "more than \(limits.output) octets come out of it")
    }

    /// Octets of the archive so far.
    private var consumed: Int {
        switch source {
        case .gzip(let inflater): packedSize - inflater.rest.count
        case .zip(let inflater, let member): member.content.count - inflater.rest.count
        case .plain(let rest): packedSize - rest.count
        }
    }

    private func piece() throws(ArchiveError) -> [UInt8]? {
        switch source {
        case .plain(let rest):
            let piece = rest.prefix(Self.chunk)
            source = .plain(rest.dropFirst(piece.count))
            return piece.isEmpty ? nil : Array(piece)
        case .zip(let inflater, let member): return try zipPiece(inflater, member)
        case .gzip(let inflater): return try gzipPiece(inflater)
        }
    }

    private func zipPiece(_ inflater: Inflater, _ member: ZipMember) throws(ArchiveError) -> [UInt8]? {
        if let piece = try inflater.next() {
            checksum = Inflater.checksum(checksum, piece)
            guard output + piece.count <= member.size else {
                throw ArchiveError(.broken, "the zip archive's file is longer than it says")
            }
            return piece
        }
        guard output == member.size, inflater.rest.isEmpty else {
            throw ArchiveError(.broken, "the zip archive's file has another size than it says")
        }
        guard checksum == UInt(member.checksum) else { throw Self.wrongChecksum }
        return nil
    }

    private static func verify(_ member: ZipMember) throws(ArchiveError) {
        guard Inflater.checksum(0, Array(member.content)) == UInt(member.checksum) else { throw wrongChecksum }
    }

    private static let wrongChecksum = ArchiveError(.broken, "the zip archive's file has another checksum than it says")

    private func gzipPiece(_ inflater: Inflater) throws(ArchiveError) -> [UInt8]? {
        while true {
            if let piece = try inflater.next() { return piece }
            // RFC 1952 §2.2: members may follow each other. Some pad with zeros.
            let rest = inflater.rest.drop { $0 == 0 }
            if rest.isEmpty { return nil }
            guard inflater.rest.starts(with: [0x1F, 0x8B]) else {
                throw ArchiveError(.broken, "something follows the compressed content")
            }
            members += 1
            guard members <= Self.maximumMembers else {
                throw ArchiveError(.tooLarge, "more than \(Self.maximumMembers) gzip members")
            }
            try inflater.restart()
        }
    }
}
