import Testing

@testable import MailMessage

@Suite struct BaseSubjectTests {
    @Test(arguments: [
        ("hello", "hello", false), ("Re: hello", "hello", true), ("RE:hello", "hello", true),
        ("re  [3] : hello", "hello", true), ("Fwd: Re: hello", "hello", true), ("fw: hello", "hello", true),
        ("[list] hello", "hello", false), ("[list] Re: [list] hello", "hello", true), ("[only]", "[only]", false),
        ("Re: [only]", "[only]", true), ("hello (fwd)", "hello", true), ("hello (FWD) (fwd) ", "hello", true),
        ("[fwd: hello]", "hello", true), ("[Fwd: Re: hello (fwd)]", "hello", true), ("Re: [fwd: [a] b]", "b", true),
        ("", "", false), ("   ", "", false), ("Re:", "", true), ("re", "re", false), ("Reply: x", "Reply: x", false),
        ("[a [b] c", "[a [b] c", false), ("=?utf-8?q?Re=3A_caf=C3=A9?=", "caf\u{e9}", true),
        ("a\t\r\n  b", "a b", false),
        ("[a][b]", "[b]", false), ("(fwd)", "", true), ("[fwd:]", "", true), ("Fwd: [fwd: x] y", "y", true),
    ])
    func `what is left of a subject`(_ subject: String, _ expected: String, _ isReply: Bool) {
        let base = BaseSubject(Array(subject.utf8))
        #expect(base.text == expected)
        #expect(base.isReplyOrForward == isReply)
    }

    @Test func `i;unicode-casemap is the RFC's`() {
        // RFC 5051 §2: U+01C4 becomes D, z and the caron
        #expect(UnicodeCasemap.key("\u{1C4}") == Array("Dz\u{30C}".utf8))
        #expect(UnicodeCasemap.key("\u{e9}t\u{c9}") == Array("E\u{301}TE\u{301}".utf8))
        #expect(UnicodeCasemap.key("stra\u{df}e") == Array("STRA\u{df}E".utf8))
        #expect(UnicodeCasemap.key("\u{ff41}\u{2460}") == Array("A1".utf8))
        #expect(UnicodeCasemap.key("plain 1") == Array("PLAIN 1".utf8))
    }

    @Test func `texts that read alike fold alike`() {
        for (left, right) in [
            ("\u{c9}T\u{c9}", "ete"), ("e\u{301}", "\u{e9}"), ("Stra\u{df}e", "STRASSE"), ("\u{ff28}\u{ff49}", "hi"),
            ("\u{fb01}n", "fin"), ("\u{1d407}ello", "hello"), ("na\u{ef}ve\u{ad}ly", "naively"), ("a \r\n\t b", "a b"),
            ("\u{4f60}\r\n\u{597d}", "\u{4f60}\u{597d}"), ("\u{4f60} \u{597d}", "\u{4f60}\u{3000}\u{597d}"),
            ("\u{304b}\u{3099}", "\u{304c}"), ("\u{ff76}\u{ff9e}", "\u{30ac}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{201c}x\u{201d}\u{2014}\u{2026}", "\"x\"-..."), ("\u{418}\u{306}", "\u{439}"), ("\u{0130}I", "ii"),
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"), ("\u{c6}sir", "aesir"), ("\u{645}\u{64f}", "\u{645}"),
        ] {
            #expect(SearchText.fold(left) == SearchText.fold(right), "\(left) \(right)")
        }
        #expect(SearchText.fold("\u{304b}") != SearchText.fold("\u{304c}"))
        #expect(SearchText.fold("\u{915}\u{93f}") == "\u{915}\u{93f}")
    }
}
