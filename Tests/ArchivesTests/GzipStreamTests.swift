import Archives
import Testing

@Suite struct GzipStreamTests {
    private static let limits = ArchiveLimits(output: 4 << 20)

    private static func unpack(
        _ bytes: [UInt8], pieces: Int, limits: ArchiveLimits = limits
    ) throws -> [UInt8] {
        let stream = try GzipStream(limits: limits)
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try Array(bytes[start..<min(start + pieces, bytes.count)]).withUnsafeBytes { piece in
                try stream.unpack(piece) { out += Array($0) }
            }
        }
        try stream.finish()
        return out
    }

    private static func noise(_ octets: Int) -> [UInt8] {
        (0..<octets).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 300_000], [1, 1000, 1 << 20])
    func `gives back what was compressed, however it comes`(octets: Int, pieces: Int) throws {
        for bytes in [Self.noise(octets), [UInt8](repeating: 0x61, count: octets)] {
            #expect(try Self.unpack(GzipEncoder.compress(bytes), pieces: pieces) == bytes)
        }
    }

    @Test(arguments: [1, 7, 1 << 20])
    func `members follow each other`(pieces: Int) throws {
        let parts = [Array("one\n".utf8), [], Self.noise(70_000)]
        let packed = try parts.flatMap { try GzipEncoder.compress($0) }
        #expect(try Self.unpack(packed, pieces: pieces) == parts.flatMap(\.self))
    }

    @Test func `wherever it is cut it ends early`() throws {
        let packed = try GzipEncoder.compress(Self.noise(200))
        for length in 0..<packed.count {
            #expect(throws: ArchiveError.self) { try Self.unpack(Array(packed[..<length]), pieces: 64) }
        }
    }

    @Test func `damage and what comes behind the end are told`() throws {
        var packed = try GzipEncoder.compress(Self.noise(2000))
        #expect(throws: ArchiveError.self) { try Self.unpack(packed + Array("more".utf8), pieces: 100) }
        packed[packed.count - 6] ^= 1
        #expect(throws: ArchiveError.self) { try Self.unpack(packed, pieces: 100) }
        #expect(throws: ArchiveError.self) { try Self.unpack(Array("plain".utf8), pieces: 100) }
    }

    @Test func `a bomb does not go off`() throws {
        let bomb = try GzipEncoder.compress([UInt8](repeating: 0, count: 3 << 20))
        #expect(throws: ArchiveError.self) { try Self.unpack(bomb, pieces: 1 << 20) }
        let wide = ArchiveLimits(output: 1 << 20, ratio: 2000)
        #expect(throws: ArchiveError.self) { try Self.unpack(bomb, pieces: 1 << 20, limits: wide) }
    }

    @Test func `an error of who takes the octets is passed on`() throws {
        struct Full: Error {}
        let stream = try GzipStream(limits: Self.limits)
        let packed = try GzipEncoder.compress(Self.noise(10))
        #expect(throws: Full.self) { try packed.withUnsafeBytes { try stream.unpack($0) { _ in throw Full() } } }
    }
}
