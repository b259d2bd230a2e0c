/// Where canonical octets go.
protocol CanonicalOutput {
    mutating func write(_ bytes: UnsafeRawBufferPointer)
}

extension [UInt8]: CanonicalOutput {
    mutating func write(_ bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }
}

/// Canonicalises a body piece by piece; how it is cut makes no difference.
///
/// Only CRLF ends a line; a lone CR or LF is an ordinary octet. Empty lines are counted until something follows
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
        consume(input, into: &output)
    }

    package mutating func update(_ input: some Sequence<UInt8>, to output: inout [UInt8]) {
        let bytes = Array(input)
        bytes.withUnsafeBytes { consume($0, into: &output) }
    }

    /// Appends what the end of the body decides.
    package mutating func finish(to output: inout [UInt8]) {
        end(into: &output)
    }

    mutating func consume(_ input: UnsafeRawBufferPointer, into output: inout some CanonicalOutput) {
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
                Self.carriageReturn.withUnsafeBytes { output.write($0) }
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
                output.write(UnsafeRawBufferPointer(rebasing: input[index..<end]))
                index = end
            }
        }
    }

    mutating func end(into output: inout some CanonicalOutput) {
        if pendingCarriageReturn {
            pendingCarriageReturn = false
            writePending(to: &output)
            Self.carriageReturn.withUnsafeBytes { output.write($0) }
        }
        // RFC 6376 §3.4.3: the simple form of an empty body is one CRLF; §3.4.4: the relaxed form is empty.
        if hasContent || !isRelaxed { Octet.lineBreak.withUnsafeBytes { output.write($0) } }
    }

    private mutating func endLine() {
        pendingSpace = false
        pendingBreaks += 1
    }

    /// The end of what is its own canonical form: a single space between words does not interrupt it.
    private func endOfRun(in input: UnsafeRawBufferPointer, from start: Int) -> Int {
        var end = start + 1
        let count = input.count
        guard isRelaxed else {
            while end < count, input[end] != Octet.carriageReturn { end += 1 }
            return end
        }
        while end < count {
            let octet = input[end]
            if octet > Octet.space {
                end += 1
            } else if octet == Octet.space {
                // What follows the last octet is not known yet.
                guard end + 1 < count else { return end }
                let next = input[end + 1]
                guard next != Octet.carriageReturn, !Octet.isSpace(next) else { return end }
                end += 2
            } else if octet == Octet.carriageReturn || octet == Octet.tab {
                return end
            } else {
                end += 1
            }
        }
        return end
    }

    private mutating func writePending(to output: inout some CanonicalOutput) {
        while pendingBreaks > 0 {
            let count = min(pendingBreaks, Self.breaksAtOnce)
            Self.breaks.withUnsafeBytes { output.write(UnsafeRawBufferPointer(rebasing: $0[..<(count * 2)])) }
            pendingBreaks -= count
        }
        if pendingSpace {
            Self.space.withUnsafeBytes { output.write($0) }
            pendingSpace = false
        }
        hasContent = true
    }

    private static let breaksAtOnce = 512
    private static let breaks = Array(repeatElement(Octet.lineBreak, count: breaksAtOnce).joined())
    private static let carriageReturn = [Octet.carriageReturn]
    private static let space = [Octet.space]
}
