import Glibc
import Logging
import MailSyntax
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import NetTransport

/// Listening on a Unix-domain socket.
@Suite struct UnixSocketTests {
    private static func service(_ path: String, mode: Int = 0o600) throws -> ListenerService<LineFramer> {
        try Echo.service(.none, address: ListenAddress(.init(path: path, mode: mode)))
    }

    @Test func `a client of a socket is this machine, and is served`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lmtp")
        try await Echo.running(Self.service(path, mode: 0o640)) { _ in
            var info = stat()
            #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o640)
            let lines = try await blocking {
                let socket = try UnixClient(path)
                let greeting = socket.receive(until: "\n")
                socket.send("hello\r\n")
                defer { socket.close() }
                return [greeting, socket.receive(until: "\n")]
            }
            #expect(lines == ["HELLO\r\n", "hello\r\n"])
        }
    }

    @Test func `a socket that nobody listens on is replaced, anything else stays`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lmtp")
        try await Echo.running(try Self.service(path)) { _ in
            await #expect(throws: ListenError.self) { try await Self.service(path).bind() }
        }
        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try SocketAddress(unixDomainSocketPath: folder.file("left")).withSockAddr { pointer, length in
            #expect(bind(left, pointer, socklen_t(length)) == 0)
        }
        close(left)
        let second = try Self.service(folder.file("left"))
        try await second.bind()
        second.stop(drainTime: .zero)
        try folder.write("precious", to: "file")
        await #expect(throws: ListenError.self) { try await Self.service(folder.file("file")).bind() }
        #expect(folder.text(of: "file") == "precious")
        await #expect(throws: ListenError.self) { try await Self.service(folder.file("no/such")).bind() }
    }
}

/// A blocking client of a Unix-domain socket.
private struct UnixClient {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let address = try SocketAddress(unixDomainSocketPath: path)
        let status = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
        try #require(status == 0)
    }

    func send(_ text: String) {
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
    }

    func receive(until end: Character) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1 {
            bytes.append(byte)
            if byte == end.asciiValue { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func close() { Glibc.close(descriptor) }
}
