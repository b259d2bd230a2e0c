import SMTPDelivery

enum SMTPDeliveryFuzz {
    static let entries = [FuzzEntry("smtp-outgoing", outgoing)]

    /// Whatever is stored, what is sent has whole line ends, and no line that a receiver could take for the end.
    static func outgoing(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let message = input.remainder()
        let whole = sent(FuzzCuts.whole(message))
        precondition(sent(FuzzCuts.single(message)) == whole, "octet by octet differs")
        precondition(sent(FuzzCuts.random(message, seed: seed)) == whole, "random cuts differ")
        for line in whole.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
            precondition(line.last == 13 && line.dropLast().allSatisfy { $0 != 13 }, "a broken line end")
            precondition(!line.elementsEqual([46, 13]), "a line with a lone dot")
        }
        precondition(whole.isEmpty || whole.suffix(2) == [13, 10], "an unfinished line")
    }

    private static func sent(_ pieces: [[UInt8]]) -> [UInt8] {
        var normalizer = LineNormalizer()
        var stuffer = DotStuffer()
        var output: [UInt8] = []
        for piece in pieces { output += stuffer.stuff(normalizer.normalize(piece)) }
        return output + stuffer.stuff(normalizer.finish())
    }
}
