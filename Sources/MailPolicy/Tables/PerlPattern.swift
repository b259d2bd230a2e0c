import CPCRE2

/// A Perl-compatible regular expression, compiled by libpcre2 for UTF-8, with limits that keep it from hanging.
final class PerlPattern {
    /// Sub-expressions that it has.
    let groups: Int
    private let code: OpaquePointer
    private let matches: OpaquePointer
    private let limits: OpaquePointer

    /// Calls of the matching function for one subject: some milliseconds.
    private static let mostMatchCalls: UInt32 = 100_000
    /// Nested backtracking points; of the heap they take KiB.
    private static let mostDepth: UInt32 = 20_000
    private static let mostHeapKiB: UInt32 = 16 * 1024

    /// - Parameter flags: `i` and `s` (both on at first), `m`, `x`, `A`, `E`, `U` are toggled; `X` says nothing.
    init(_ pattern: ArraySlice<UInt8>, flags: ArraySlice<UInt8>) throws(RuleProblem) {
        let options = try Self.options(flags)
        var status: Int32 = 0
        var offset = 0
        let compiled = Array(pattern).withUnsafeBufferPointer { text in
            pcre2_compile_8(text.baseAddress, text.count, options, &status, &offset, nil)
        }
        guard let compiled else {
            throw RuleProblem(
                message: "has a bad pattern: \(Self.message(status)) (at octet \(offset))",
                remedy: "see `man pcre2pattern`")
        }
        guard let matches = pcre2_match_data_create_from_pattern_8(compiled, nil),
            let limits = pcre2_match_context_create_8(nil)
        else {
            pcre2_code_free_8(compiled)
            throw RuleProblem(message: "has a pattern that there is no memory for", remedy: "free memory")
        }
        pcre2_set_match_limit_8(limits, Self.mostMatchCalls)
        pcre2_set_depth_limit_8(limits, Self.mostDepth)
        pcre2_set_heap_limit_8(limits, Self.mostHeapKiB)
        var count: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        groups = Int(count)
        code = compiled
        self.matches = matches
        self.limits = limits
    }

    deinit {
        pcre2_match_context_free_8(limits)
        pcre2_match_data_free_8(matches)
        pcre2_code_free_8(code)
    }

    func match(_ subject: UnsafeBufferPointer<UInt8>, groups: Int) throws(TableFailure) -> PatternMatch {
        let empty: StaticString = ""
        let base = subject.baseAddress ?? empty.utf8Start
        let status = pcre2_match_8(code, base, subject.count, 0, 0, matches, limits)
        if status == PCRE2_ERROR_NOMATCH { return .unmatched }
        guard status >= 0 else { throw TableFailure(Self.message(status)) }
        guard let vector = pcre2_get_ovector_pointer_8(matches) else { return .unmatched }
        let pairs = Int(pcre2_get_ovector_count_8(matches))
        return .matched(
            (0...groups).map { group in
                guard group < pairs, group < status else { return nil }
                let (start, end) = (vector[2 * group], vector[2 * group + 1])
                // -1 for a group that took no part; `\K` in a look-ahead may set the start behind the end.
                guard start >= 0, start <= end, end <= subject.count else { return nil }
                return start..<end
            })
    }

    private static func options(_ flags: ArraySlice<UInt8>) throws(RuleProblem) -> UInt32 {
        var options = PCRE2_CASELESS | PCRE2_DOTALL
        for flag in flags {
            switch flag {
            case UInt8(ascii: "i"): options ^= PCRE2_CASELESS
            case UInt8(ascii: "s"): options ^= PCRE2_DOTALL
            case UInt8(ascii: "m"): options ^= PCRE2_MULTILINE
            case UInt8(ascii: "x"): options ^= PCRE2_EXTENDED
            case UInt8(ascii: "A"): options ^= PCRE2_ANCHORED
            case UInt8(ascii: "E"): options ^= PCRE2_DOLLAR_ENDONLY
            case UInt8(ascii: "U"): options ^= PCRE2_UNGREEDY
            case UInt8(ascii: "X"): break
            default: throw .unknownFlag(flag, known: "i, m, s, x, A, E, U and X")
            }
        }
        // `\C` would cut characters apart.
        return options | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C
    }

    private static func message(_ status: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 256)
        let count = pcre2_get_error_message_8(status, &text, text.count)
        return String(decoding: text.prefix(max(0, Int(count))), as: UTF8.self)
    }
}
