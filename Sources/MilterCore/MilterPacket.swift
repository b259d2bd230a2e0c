package import NIOCore

/// What breaks the protocol, in words for the log.
package struct MilterError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// A letter and its data: four octets of length, the letter, the rest.
package struct MilterPacket: Sendable, Hashable {
    package var letter: UInt8
    package var data: [UInt8]

    package init(_ letter: Character, _ data: [UInt8] = []) {
        self.letter = letter.asciiValue ?? 0
        self.data = data
    }

    package init(letter: UInt8, data: [UInt8]) {
        self.letter = letter
        self.data = data
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt32(clamping: data.count + 1))
        buffer.writeInteger(letter)
        buffer.writeBytes(data)
    }
}

/// Cuts what a milter sends into packets.
package struct MilterFramer: Sendable {
    /// A chunk of a new body has 65,535 octets at the most; a new header field may be as long.
    package static let mostOctets = 1 << 17

    private var buffer = ByteBuffer()

    package init() {}

    package mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
    }

    /// The next packet; nil when more octets are needed.
    ///
    /// - Throws: for a length that no packet has.
    package mutating func next() throws(MilterError) -> MilterPacket? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return nil }
        guard (1...UInt32(Self.mostOctets)).contains(length) else {
            throw MilterError("it sent a packet of \(length) octets")
        }
        guard buffer.readableBytes >= Int(length) + 4 else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        let letter = buffer.readInteger(as: UInt8.self) ?? 0
        let data = buffer.readBytes(length: Int(length) - 1) ?? []
        if buffer.readableBytes == 0 { buffer.clear() } else { buffer.discardReadBytes() }
        return MilterPacket(letter: letter, data: data)
    }
}

/// Reads the parts of a packet's data.
struct MilterReader {
    private var rest: ArraySlice<UInt8>

    init(_ data: [UInt8]) {
        rest = data[...]
    }

    var isEmpty: Bool { rest.isEmpty }

    mutating func number() throws(MilterError) -> UInt32 {
        guard rest.count >= 4 else { throw MilterError("it sent a packet that is too short") }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Octets up to a NUL, which has to be there.
    mutating func octets() throws(MilterError) -> [UInt8] {
        guard let end = rest.firstIndex(of: 0) else { throw MilterError("it sent a text without an end") }
        defer { rest = rest[(end + 1)...] }
        return Array(rest[..<end])
    }

    mutating func text() throws(MilterError) -> String { String(decoding: try octets(), as: UTF8.self) }

    /// All there is, whether a NUL ends it or not.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest.last == 0 ? rest.dropLast() : rest)
    }
}
