/// `{n}` or `{n+}` at the end of a line.
struct LiteralHeader: Equatable {
    /// `Int.max` when the number is too large to count.
    let size: Int
    let kind: IMAPLiteralKind
    /// Of `{` in the line.
    let start: Int

    /// Nil when the line does not end in one.
    ///
    /// Any line that ends so announces a literal, wherever the braces stand: were a client to mean one and the server not,
    /// the literal's content would be run as commands.
    init?(endOf line: ArraySlice<UInt8>) {
        guard line.last == UInt8(ascii: "}") else { return nil }
        var index = line.endIndex - 2
        var kind = IMAPLiteralKind.synchronizing
        if index >= line.startIndex, line[index] == UInt8(ascii: "+") {
            kind = .nonSynchronizing
            index -= 1
        }
        let digitsEnd = index
        while index >= line.startIndex, IMAPOctet.isDigit(line[index]) { index -= 1 }
        guard index < digitsEnd, index >= line.startIndex, line[index] == UInt8(ascii: "{") else { return nil }
        var size = 0
        for digit in line[(index + 1)...digitsEnd] {
            let (product, high) = size.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit - 0x30))
            size = high || carry ? .max : sum
            if size == .max { break }
        }
        self.size = size
        self.kind = kind
        start = index
    }
}
