import Glibc

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

    /// The end of what is its own canonical form: neither a single space between words nor a line end between two lines
    /// that have text interrupts it.
    private func endOfRun(in input: UnsafeRawBufferPointer, from start: Int) -> Int {
        var end = start + 1
        let count = input.count
        while end < count {
            end = max(end, endOfText(in: input, from: end - 1))
            let near = min(end + 4, count)
            while end < near {
                let octet = input[end]
                if octet == Octet.carriageReturn {
                    // What follows must be text, and known.
                    guard end + 2 < count, input[end + 1] == Octet.lineFeed else { return end }
                    let next = input[end + 2]
                    guard next != Octet.carriageReturn, !isRelaxed || !Octet.isSpace(next) else { return end }
                    end += 3
                } else if isRelaxed, octet == Octet.space {
                    guard end + 1 < count else { return end }
                    let next = input[end + 1]
                    guard next != Octet.carriageReturn, !Octet.isSpace(next) else { return end }
                    end += 2
                } else if isRelaxed, octet == Octet.tab {
                    return end
                } else {
                    end += 1
                }
            }
        }
        return end
    }

    /// A place up to which there is nothing but text and single spaces, eight octets at a time.
    /// - Parameter start: of an octet that is text.
    private func endOfText(in input: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard isRelaxed else {
            guard let base = input.baseAddress,
                let found = memchr(base + start, Int32(Octet.carriageReturn), input.count - start)
            else { return input.count }
            return base.distance(to: UnsafeRawPointer(found))
        }
        var index = start
        while index + 8 < input.count {
            // These octets and those that follow each of them.
            let octets = UInt64(littleEndian: input.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let next = UInt64(littleEndian: input.loadUnaligned(fromByteOffset: index + 1, as: UInt64.self))
            let ends =
                Self.zeros(next ^ Self.carriageReturns) | Self.zeros(next ^ Self.tabs)
                | Self.zeros((octets ^ Self.spaces) | (next ^ Self.spaces))
            guard ends == 0 else { return index + ends.trailingZeroBitCount / 8 }
            index += 8
        }
        return index
    }

    /// The highest bit of the lowest octet that is 0; those above it may be anything.
    private static func zeros(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    private static let carriageReturns: UInt64 = 0x0D0D_0D0D_0D0D_0D0D
    private static let tabs: UInt64 = 0x0909_0909_0909_0909
    private static let spaces: UInt64 = 0x2020_2020_2020_2020

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
