import Archives
import Glibc
import MartletTesting
import Testing

@Suite struct GzipEncoderTests {
    @Test(arguments: [0, 1, 15, 16 * 1024, 16 * 1024 + 1, 1_000_000])
    func `gunzip gives back what was compressed`(octets: Int) async throws {
        let bytes = (0..<octets).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        let compressed = try GzipEncoder.compress(bytes)
        #expect(compressed.starts(with: [0x1F, 0x8B, 8]))
        #expect(try await gunzip(compressed) == bytes)
    }

    @Test func `pieces make the same member as the whole`() async throws {
        let bytes = Array(String(repeating: "a record of a report\n", count: 5000).utf8)
        let encoder = try GzipEncoder()
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 777) {
            out += try encoder.encode(Array(bytes[start..<min(start + 777, bytes.count)]))
        }
        out += try encoder.finish()
        #expect(try encoder.finish() == [])
        #expect(out.count < bytes.count / 50)
        #expect(try await gunzip(out) == bytes)
    }

    /// By the command.
    private func gunzip(_ bytes: [UInt8]) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/member.gz"
        return try await blocking {
            let file = try #require(fopen(path, "w"))
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            let pipe = try #require(popen("gunzip -c \(path)", "r"))
            var out: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { out += buffer[..<count] }
            #expect(pclose(pipe) == 0)
            return out
        }
    }
}
