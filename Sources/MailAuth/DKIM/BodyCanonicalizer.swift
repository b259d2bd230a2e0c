/// Canonicalises a body piece by piece; how it is cut makes no difference.
///
/// Only CRLF ends a line; a lone CR or LF is an ordinary octet. Empty lines are held back until something follows
/// them, so that those at the end never come out.
package struct BodyCanonicalizer: Sendable {
    private let isRelaxed: Bool
    /// Line ends seen and not yet written.
    private var pendingBreaks = 0
    private var pendingCarriageReturn = false
    private var pendingSpace = false
    private var hasContent = false

    package init(_ canonicalization: DKIMCanonicalization) {
        isRelaxed = canonicalization == .relaxed
    }

    /// Appends what is certain by now to `output`.
    package mutating func update(_ input: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        var index = 0
        while index < input.count {
            let octet = input[index]
            if pendingCarriageReturn {
                pendingCarriageReturn = false
                if octet == Octet.lineFeed {
                    endLine()
                    index += 1
                    continue
                }
                writePending(to: &output)
                output.append(Octet.carriageReturn)
                continue
            }
            if octet == Octet.carriageReturn {
                pendingCarriageReturn = true
                index += 1
            } else if isRelaxed, Octet.isSpace(octet) {
                pendingSpace = true
                index += 1
            } else {
                let end = endOfRun(in: input, from: index)
                writePending(to: &output)
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[index..<end]))
                index = end
            }
        }
    }

    package mutating func update(_ input: some Sequence<UInt8>, to output: inout [UInt8]) {
        let bytes = Array(input)
        bytes.withUnsafeBytes { update($0, to: &output) }
    }

    /// Appends what the end of the body decides.
    package mutating func finish(to output: inout [UInt8]) {
        if pendingCarriageReturn {
            pendingCarriageReturn = false
            writePending(to: &output)
            output.append(Octet.carriageReturn)
        }
        // RFC 6376 §3.4.3: the simple form of an empty body is one CRLF; §3.4.4: the relaxed form is empty.
        if hasContent || !isRelaxed { output += Octet.lineBreak }
    }

    private mutating func endLine() {
        pendingSpace = false
        pendingBreaks += 1
    }

    private func endOfRun(in input: UnsafeRawBufferPointer, from start: Int) -> Int {
        var end = start + 1
        if isRelaxed {
            while end < input.count, input[end] != Octet.carriageReturn, !Octet.isSpace(input[end]) { end += 1 }
        } else {
            while end < input.count, input[end] != Octet.carriageReturn { end += 1 }
        }
        return end
    }

    private mutating func writePending(to output: inout [UInt8]) {
        while pendingBreaks > 0 {
            output += Octet.lineBreak
            pendingBreaks -= 1
        }
        if pendingSpace {
            output.append(Octet.space)
            pendingSpace = false
        }
        hasContent = true
    }
}
