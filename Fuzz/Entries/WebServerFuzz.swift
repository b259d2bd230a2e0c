import NIOCore

@testable import WebServer

enum WebServerFuzz {
    static let entries = [FuzzEntry("http-head", head)]

    /// The same whole and cut anywhere; nothing is taken from behind the head; what is read can be written and read again.
    static func head(_ bytes: [UInt8]) {
        let (whole, rest) = read([bytes])
        for cut in stride(from: 0, through: bytes.count, by: max(1, bytes.count / 32)) {
            let (parts, left) = read([Array(bytes.prefix(cut)), Array(bytes.dropFirst(cut))])
            precondition(parts == whole, "it matters where a head is cut")
            if case .request = whole { precondition(left == rest, "it matters what is left") }
        }
        guard case .request(let request)? = whole else { return }
        precondition(bytes.count - rest.count <= HTTPHeadFramer.limit && bytes.suffix(rest.count).elementsEqual(rest))
        precondition(!request.method.isEmpty && (request.path.hasPrefix("/") || request.path == "*"))
        precondition(!request.path.contains("?") && request.host?.contains(":") != true)
        guard let host = request.host else { return }
        let again = "\(request.method) \(request.path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        guard again.utf8.count <= HTTPHeadFramer.limit else { return }
        precondition(read([Array(again.utf8)]).0 == whole, "a request changed")
    }

    private static func read(_ parts: [[UInt8]]) -> (HTTPHead?, rest: [UInt8]) {
        var framer = HTTPHeadFramer()
        var buffer = ByteBuffer()
        var found: HTTPHead?
        for part in parts {
            buffer.writeBytes(part)
            if let head = framer.next(&buffer) {
                precondition(found == nil && framer.isPaused, "two heads without asking")
                found = head
            }
        }
        return (found, Array(buffer.readableBytesView))
    }
}
