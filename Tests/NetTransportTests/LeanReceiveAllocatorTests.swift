import NIOCore
import Testing

@testable import NetTransport

@Suite struct LeanReceiveAllocatorTests {
    @Test func `buffers grow while they are filled, and shrink again`() {
        var lean = LeanReceiveAllocator()
        func capacity() -> Int { lean.buffer(allocator: ByteBufferAllocator()).capacity }
        // What stays with the connection.
        #expect(capacity() == 64)
        let mayGrow = lean.record(actualReadBytes: 40)
        #expect(mayGrow)
        #expect(capacity() == 2048)
        for expected in [8192, 32768, 65536, 65536] {
            _ = lean.record(actualReadBytes: capacity())
            #expect(capacity() == expected)
        }
        _ = lean.record(actualReadBytes: 30_000)
        #expect(capacity() == 65536)
        for expected in [16384, 4096, 2048, 2048] {
            _ = lean.record(actualReadBytes: 1)
            #expect(capacity() == expected)
        }
        #expect(lean.nextBufferSize() == nil)
    }
}
