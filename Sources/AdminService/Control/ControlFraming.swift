/// How requests and answers travel on the control socket: four octets of length, most significant first, then that many
/// octets of JSON. One request and one answer at a time on a connection, as many as wanted one after the other.
package enum ControlFraming {
    /// The most octets of one request: a report that is imported. A longer one ends the connection.
    package static let maximumRequest = 24 << 20
    /// The most octets of one answer: a listing of a very long queue.
    package static let maximumResponse = 256 << 20

    package enum FramingError: Error, Equatable {
        case tooLong(Int)
    }

    /// The frame for a body.
    package static func frame(_ body: [UInt8]) -> [UInt8] {
        let length = UInt32(clamping: body.count)
        var frame: [UInt8] = []
        frame.reserveCapacity(body.count + 4)
        for shift in [24, 16, 8, 0] as [UInt32] { frame.append(UInt8(truncatingIfNeeded: length >> shift)) }
        frame.append(contentsOf: body)
        return frame
    }

    /// The body's length from its four octets, or nil when there are fewer.
    package static func length(_ prefix: some Collection<UInt8>, limit: Int) throws -> Int? {
        guard prefix.count >= 4 else { return nil }
        let length = prefix.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit else { throw FramingError.tooLong(length) }
        return length
    }
}

/// Collects octets and hands out whole bodies.
package struct ControlFramer {
    private var buffer: [UInt8] = []
    private let limit: Int

    /// - Parameter limit: the most octets of one body.
    package init(limit: Int) {
        self.limit = limit
    }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        buffer.append(contentsOf: bytes)
    }

    /// The next whole body, or nil when more octets are needed.
    package mutating func next() throws -> [UInt8]? {
        guard let length = try ControlFraming.length(buffer, limit: limit), buffer.count - 4 >= length else {
            return nil
        }
        let body = Array(buffer.dropFirst(4).prefix(length))
        buffer.removeFirst(4 + length)
        return body
    }
}
