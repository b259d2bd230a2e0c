import Glibc

/// What a pattern matched in a subject.
enum PatternMatch {
    /// By group, 0 the whole; nil for a group that took no part.
    case matched([Range<Int>?])
    case unmatched
}

/// A POSIX regular expression, compiled by the C library. Octets, not characters: the locale is `C`.
final class POSIXPattern {
    /// Sub-expressions that it has.
    let groups: Int
    private let compiled: UnsafeMutablePointer<regex_t>
    private let hasBackReference: Bool

    /// Matching a back-reference may take time that grows by far more than the subject does.
    private static let mostOctetsWithBackReference = 1024

    /// - Parameter flags: `i` (on at first), `x` (on at first: extended) and `m` are toggled.
    init(_ pattern: ArraySlice<UInt8>, flags: ArraySlice<UInt8>) throws(RuleProblem) {
        var options = REG_ICASE | REG_EXTENDED
        for flag in flags {
            switch flag {
            case UInt8(ascii: "i"): options ^= REG_ICASE
            case UInt8(ascii: "m"): options ^= REG_NEWLINE
            case UInt8(ascii: "x"): options ^= REG_EXTENDED
            default: throw .unknownFlag(flag, known: "i, m and x")
            }
        }
        try POSIXPatternCost.check(pattern, isExtended: options & REG_EXTENDED != 0)
        let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        compiled.initialize(to: regex_t())
        let status = (pattern.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { text in
            regcomp(compiled, text.baseAddress, options)
        }
        guard status == 0 else {
            let reason = Self.message(status, compiled)
            compiled.deinitialize(count: 1)
            compiled.deallocate()
            throw RuleProblem(message: "has a bad pattern: \(reason)", remedy: "see `man 7 regex`")
        }
        self.compiled = compiled
        groups = Int(compiled.pointee.re_nsub)
        hasBackReference = zip(pattern, pattern.dropFirst()).contains { $0 == 0x5C && (0x31...0x39).contains($1) }
    }

    deinit {
        regfree(compiled)
        compiled.deinitialize(count: 1)
        compiled.deallocate()
    }

    /// - Parameter groups: how many are wanted beside the whole.
    func match(_ subject: UnsafeBufferPointer<UInt8>, groups: Int) throws(TableFailure) -> PatternMatch {
        if hasBackReference, subject.count > Self.mostOctetsWithBackReference {
            throw TableFailure("a key of \(subject.count) octets is too long for a pattern with a back-reference")
        }
        guard let base = subject.baseAddress else { return match("", 0, groups) }
        return base.withMemoryRebound(to: CChar.self, capacity: subject.count) { match($0, subject.count, groups) }
    }

    private func match(_ subject: UnsafePointer<CChar>, _ count: Int, _ groups: Int) -> PatternMatch {
        var found = [regmatch_t](repeating: regmatch_t(rm_so: -1, rm_eo: -1), count: groups + 1)
        found[0] = regmatch_t(rm_so: 0, rm_eo: regoff_t(clamping: count))
        let status = regexec(compiled, subject, found.count, &found, REG_STARTEND)
        guard status == 0 else { return .unmatched }
        return .matched(
            found.map { group in
                let (start, end) = (Int(group.rm_so), Int(group.rm_eo))
                return start >= 0 && start <= end && end <= count ? start..<end : nil
            })
    }

    private static func message(_ status: Int32, _ compiled: UnsafePointer<regex_t>) -> String {
        var text = [CChar](repeating: 0, count: 200)
        _ = regerror(status, compiled, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension RuleProblem {
    static func unknownFlag(_ flag: UInt8, known: String) -> RuleProblem {
        let shown = Character(Unicode.Scalar(flag < 0x80 ? flag : 0x3F))
        return RuleProblem(message: "has the unknown flag `\(shown)`", remedy: "the flags are \(known)")
    }
}

/// How large a POSIX pattern gets when its repetitions are written out, as the C library does before it matches:
/// `((a{1,200}){1,200}){1,200}`, or `a` with forty `+`, would take all memory there is.
private enum POSIXPatternCost {
    private static let most = 20_000
    private static let mostDepth = 100

    static func check(_ pattern: ArraySlice<UInt8>, isExtended: Bool) throws(RuleProblem) {
        var open: [Int] = []
        var sum = 0
        var last = 0
        var rest = pattern
        while var byte = rest.popFirst() {
            var isEscaped = false
            if byte == 0x5C, let escaped = rest.popFirst() { (byte, isEscaped) = (escaped, true) }
            // Basic expressions write with a backslash what extended ones write without.
            switch (byte, isEscaped != isExtended) {
            case (UInt8(ascii: "("), true):
                open.append(sum + last)
                (sum, last) = (0, 0)
            case (UInt8(ascii: ")"), true):
                let inside = sum + last
                sum = open.popLast() ?? 0
                last = inside
            case (UInt8(ascii: "{"), true):
                // Both are small: `last` by the check below, a bound by its own.
                last = max(1, last) * min(bound(rest), most + 1)
            case (UInt8(ascii: "+"), true):
                last = max(1, last) * 2
            case (UInt8(ascii: "["), _) where !isEscaped:
                skipBracket(&rest)
                sum += last
                last = 1
            default:
                sum += last
                last = 1
            }
            guard sum + last <= most, open.count <= mostDepth else {
                throw RuleProblem(
                    message: "has a pattern that is too large with its repetitions",
                    remedy: "nest fewer `+`, `{n,m}` and brackets, or use a `pcre:` table")
            }
        }
    }

    /// The larger number of `n,m}`.
    private static func bound(_ rest: ArraySlice<UInt8>) -> Int {
        let inside = rest.prefix { $0 != UInt8(ascii: "}") && $0 != 0x5C }
        let numbers = inside.split(separator: UInt8(ascii: ",")).map { Int(String(decoding: $0, as: UTF8.self)) ?? 1 }
        return max(1, numbers.max() ?? 1)
    }

    private static func skipBracket(_ rest: inout ArraySlice<UInt8>) {
        if rest.first == UInt8(ascii: "^") { rest = rest.dropFirst() }
        if rest.first == UInt8(ascii: "]") { rest = rest.dropFirst() }
        guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return }
        rest = rest[(end + 1)...]
    }
}
