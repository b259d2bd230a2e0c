import Glibc

/// Makes each line end CRLF: messages are kept as they are read over IMAP. A lone CR is left alone.
package struct LineEnds: Sendable {
    private var lastWasCR = false

    package init() {}

    /// Converts the next octets of a message and appends them to `output`.
    package mutating func convert(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        var start = 0
        while start < bytes.count, let found = memchr(base + start, 0x0A, bytes.count - start) {
            let position = UnsafeRawPointer(found) - base
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
            let before = position > 0 ? bytes[position - 1] == 0x0D : lastWasCR
            if !before { output.append(0x0D) }
            output.append(0x0A)
            start = position + 1
        }
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        lastWasCR = bytes[bytes.count - 1] == 0x0D
    }

    /// The same with CRLF made LF: how most programs keep messages in files.
    package static func unix(_ bytes: [UInt8], pendingCR: inout Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 1)
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            if pendingCR, buffer.first != 0x0A { output.append(0x0D) }
            pendingCR = false
            var start = 0
            while start < buffer.count, let found = memchr(base + start, 0x0D, buffer.count - start) {
                let position = UnsafeRawPointer(found) - base
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[start..<position]))
                start = position + 1
                if start == buffer.count {
                    pendingCR = true
                } else if buffer[start] != 0x0A {
                    output.append(0x0D)
                }
            }
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[start...]))
        }
        return output
    }
}
