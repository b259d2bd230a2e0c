import MailSyntax
import Testing

@testable import MailMove

@Suite struct FromLineTests {
    @Test(arguments: [
        ("From anna@example.org Sat Jan  3 01:05:34 1970", Int64(2 * 86_400 + 3_934)),
        ("From MAILER-DAEMON Fri Jul  8 12:08:34 2011", 1_310_126_914),
        ("From - Fri Jul  8 12:08:34 2011\r\n", 1_310_126_914),
        ("From x Fri Jul 08 12:08 2011", 1_310_126_880),
        ("From x Fri Jul  8 14:08:34 +0200 2011", 1_310_126_914),
        ("From x Fri Jul  8 14:08:34 2011 +0200", 1_310_126_914),
    ])
    func `reads dates of delivery`(line: String, seconds: Int64) {
        #expect(FromLine.date(Array(line.utf8))?.seconds == seconds)
    }

    @Test(arguments: [
        "From here on it is easy", "From: anna@example.org", "from x Fri Jul  8 12:08:34 2011",
        "From x Fri Jul 99 12:08:34 2011", "From x Fri Jul  8 99:08:34 2011", "From ", "",
        "From x Fri Jul  8 12:08:34 20111111111111111111111", "From 1:1 1:1 1:1 -9999",
    ])
    func `takes no line of a text for one`(line: String) {
        #expect(FromLine.date(Array(line.utf8)) == nil)
    }

    @Test func `writes what it reads`() {
        for seconds in stride(from: Int64(0), to: 4_000_000_000, by: 7_654_321) {
            let text = FromLine.text(Timestamp(seconds: seconds))
            #expect(FromLine.date(Array(text.utf8))?.seconds == seconds, "\(text)")
        }
    }
}
