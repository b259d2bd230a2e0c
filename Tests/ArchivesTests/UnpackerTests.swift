import Glibc
import Testing

@testable import Archives

/// Against gzip and zip of the host, and against what hostile archives do.
@Suite struct UnpackerTests {
    private let limits = ArchiveLimits(output: 1 << 20, ratio: 100, ratioFree: 1 << 14)
    private let text = Array((0..<800).map { "record \($0 * 7919)\n" }.joined().utf8)

    private func unpack(_ bytes: [UInt8], _ limits: ArchiveLimits? = nil) throws(ArchiveError) -> [UInt8] {
        let unpacker = try Unpacker(bytes, limits: limits ?? self.limits)
        var out: [UInt8] = []
        while let piece = try unpacker.next() { out += piece }
        return out
    }

    private func code(_ bytes: [UInt8], _ limits: ArchiveLimits? = nil) -> ArchiveError.Code? {
        do {
            _ = try unpack(bytes, limits)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `gzip, zip and plain content give the same`() throws {
        #expect(try unpack(text) == text)
        #expect(try unpack(GzipEncoder.compress(text)) == text)
        #expect(try unpack(TestZip(text).bytes) == text)
        var stored = TestZip(text)
        stored.isStored = true
        #expect(try unpack(stored.bytes) == text)
        var streamed = TestZip(text)
        streamed.hasDescriptor = true
        #expect(try unpack(streamed.bytes) == text)
        var commented = TestZip(text)
        commented.comment = Array("PK\u{5}\u{6} is not the end".utf8)
        #expect(try unpack(commented.bytes) == text)
        #expect(try Unpacker(TestZip(text).bytes, limits: limits).memberName == "report.xml")
    }

    @Test func `several gzip members are one content and padding is passed over`() throws {
        let two = try GzipEncoder.compress(Array("a".utf8)) + GzipEncoder.compress(Array("b".utf8))
        #expect(try unpack(two + [UInt8](repeating: 0, count: 20)) == Array("ab".utf8))
        #expect(code(two + [1]) == .broken)
        let many = try GzipEncoder.compress([1])
        #expect(code([[UInt8]](repeating: many, count: 17).flatMap(\.self)) == .tooLarge)
    }

    @Test func `every truncation is an error`() throws {
        for bytes in [try GzipEncoder.compress(text), try TestZip(text).bytes] {
            for end in 2..<bytes.count { #expect(code(Array(bytes[..<end])) != nil, "\(end) octets") }
        }
    }

    @Test func `every flipped bit of a deflated file is found or harmless`() throws {
        let bytes = try TestZip(Array(text.prefix(300))).bytes
        for place in 0..<(bytes.count * 8) {
            var broken = bytes
            broken[place / 8] ^= 1 << (place % 8)
            guard let out = try? unpack(broken) else { continue }
            // Times, versions, attributes and the start of a plain text say nothing of the content.
            #expect(out == Array(text.prefix(300)) || out == broken, "bit \(place)")
        }
    }

    @Test func `bombs are stopped by size and by ratio`() throws {
        let zeros = [UInt8](repeating: 0, count: 2 << 20)
        let gzip = try GzipEncoder.compress(zeros)
        #expect(code(gzip) == .tooLarge)
        #expect(code(gzip, ArchiveLimits(output: 8 << 20, ratio: 100, ratioFree: 1 << 14)) == .tooLarge)
        #expect(code(gzip, ArchiveLimits(output: 8 << 20, ratio: 2000, ratioFree: 1 << 14)) == nil)
        #expect(code(try TestZip(zeros).bytes) == .tooLarge)
        #expect(code(zeros) == .tooLarge, "plain content has the limit too")
    }

    @Test func `an archive in an archive is refused`() throws {
        let inner = try TestZip(text).bytes
        #expect(code(try GzipEncoder.compress(inner)) == .unsupported)
        #expect(code(try TestZip(inner).bytes) == .unsupported)
        var stored = TestZip(try GzipEncoder.compress(text))
        stored.isStored = true
        #expect(code(try GzipEncoder.compress(stored.bytes)) == .unsupported)
    }

    @Test func `zip archives that lie or need more than a report are refused`() throws {
        func changed(_ change: (inout TestZip) -> Void) throws -> ArchiveError.Code? {
            var zip = TestZip(text)
            change(&zip)
            return code(try zip.bytes)
        }
        #expect(try changed { $0.claimedSize = 10 } == .broken)
        #expect(try changed { $0.claimedSize = 1_000_000 } == .broken)
        #expect(try changed { $0.claimedSize = 0xFFFF_FFFE } == .tooLarge)
        #expect(try changed { $0.claimedSize = 0xFFFF_FFFF } == .unsupported)
        #expect(try changed { $0.claimedChecksum = 1 } == .broken)
        #expect(try changed { $0.files = 2 } == .unsupported)
        #expect(try changed { $0.files = 0xFFFF } == .unsupported)
        #expect(try changed { $0.files = 0 } == .unsupported)
        #expect(try changed { $0.flags = 1 } == .unsupported)
        #expect(try changed { $0.method = 12 } == .unsupported)
        #expect(try changed { $0.localOffset = 4 } == .broken)
        #expect(try changed { $0.directoryShift = 1 } == .broken)
        #expect(try changed { $0.packedShift = 40 } == .broken, "it overlaps its directory")
        #expect(try changed { $0.packedShift = -1 } == .broken)
        #expect(try changed { $0.between = [0, 0, 0] } == .broken)
        #expect(try changed { $0.localName = "other.xml" } == .broken)
    }
}

/// A zip archive of one file, true or with one thing wrong.
private struct TestZip {
    var content: [UInt8]
    var isStored = false
    var hasDescriptor = false
    var comment: [UInt8] = []
    var claimedSize: Int?
    var claimedChecksum: Int?
    var files = 1
    var flags = 0
    var method: Int?
    var localOffset = 0
    var directoryShift = 0
    var packedShift = 0
    var between: [UInt8] = []
    var localName = "report.xml"

    init(_ content: [UInt8]) { self.content = content }

    private static func number(_ value: Int, _ octets: Int) -> [UInt8] {
        (0..<octets).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    var bytes: [UInt8] {
        get throws {
            // gzip's member without its ten octets of header and eight of trailer is bare DEFLATE.
            let packed = isStored ? content : Array(try GzipEncoder.compress(content).dropFirst(10).dropLast(8))
            let sum = claimedChecksum ?? Int(Inflater.checksum(0, content))
            let size = claimedSize ?? content.count
            let flags = self.flags | (hasDescriptor ? 8 : 0)
            let method = method ?? (isStored ? 0 : 8)
            let name = Array("report.xml".utf8)
            let sizes = [(sum, 4), (packed.count + packedShift, 4), (size, 4)]
            func numbers(_ fields: [(Int, Int)]) -> [UInt8] { fields.flatMap { Self.number($0.0, $0.1) } }
            let start = numbers([(20, 2), (flags, 2), (method, 2), (0, 4)])
            let local = hasDescriptor ? numbers([(0, 4), (0, 4), (0, 4)]) : numbers(sizes)
            var out: [UInt8] = [0x50, 0x4B, 3, 4] + start + local
            out += numbers([(localName.utf8.count, 2), (0, 2)]) + Array(localName.utf8) + packed
            if hasDescriptor { out += [0x50, 0x4B, 7, 8] + numbers(sizes) }
            out += between
            let directory = out.count
            out += [0x50, 0x4B, 1, 2] + Self.number(20, 2) + start + numbers(sizes)
            out += numbers([(name.count, 2), (0, 2), (0, 2), (0, 2), (0, 2), (0, 4), (localOffset, 4)]) + name
            let length = out.count - directory
            out += [0x50, 0x4B, 5, 6] + numbers([(0, 2), (0, 2), (files, 2), (files, 2), (length, 4)])
            return out + numbers([(directory + directoryShift, 4), (comment.count, 2)]) + comment
        }
    }
}
