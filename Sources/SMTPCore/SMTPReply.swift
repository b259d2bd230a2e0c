package import MailSyntax
package import NIOCore

/// A reply as it stands on the wire: a code, mostly an enhanced code, and one or more lines of text.
package struct SMTPReply: Sendable, Hashable, CustomStringConvertible {
    /// 200…599.
    package var code: Int
    /// Not sent in the greeting and in replies to HELO, EHLO and `354`. // RFC 2034 §4
    package var enhanced: EnhancedStatusCode?
    /// At least one. Control characters never reach the wire.
    package var lines: [String]

    package init(_ code: Int, _ enhanced: EnhancedStatusCode?, _ text: String) {
        self.init(code, enhanced, lines: [text])
    }

    package init(_ code: Int, _ enhanced: EnhancedStatusCode?, lines: [String]) {
        self.code = code
        self.enhanced = enhanced
        self.lines = lines.isEmpty ? [""] : lines
    }

    package var isPositive: Bool { code < 400 }
    package var isTransient: Bool { code >= 400 && code < 500 }
    package var isPermanent: Bool { code >= 500 }

    /// The text of all lines, joined by a space.
    package var text: String { lines.joined(separator: " ") }

    package var description: String {
        ["\(code)", enhanced.map { "\($0)" } ?? "", text].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// Appends the reply with its CRLFs.
    // RFC 5321 §4.2.1: every line but the last has a hyphen; RFC 2034 §4: every line repeats the enhanced code
    package func render(into buffer: inout ByteBuffer) {
        for (index, line) in lines.enumerated() {
            buffer.writeString("\(code)")
            buffer.writeInteger(UInt8(ascii: index == lines.count - 1 ? " " : "-"))
            if let enhanced { buffer.writeString("\(enhanced) ") }
            write(line, into: &buffer)
            buffer.writeStaticString("\r\n")
        }
    }

    /// The reply with its CRLFs.
    package var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        render(into: &buffer)
        return buffer
    }

    // RFC 5321 §4.5.3.1.5: a reply line is at most 512 octets
    private func write(_ line: String, into buffer: inout ByteBuffer) {
        if line.utf8.count <= 480, line.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) {
            buffer.writeString(line)
        } else {
            buffer.writeBytes(line.utf8.prefix(480).map { $0 >= 32 && $0 != 127 && $0 < 128 ? $0 : UInt8(ascii: "?") })
        }
    }
}

/// An error that knows what the peer is to be told.
package protocol ReplyableError: Error {
    var reply: SMTPReply { get }
}
