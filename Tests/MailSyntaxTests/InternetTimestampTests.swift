import MailSyntax
import Testing

@Suite("Dates and times of protocols")
struct InternetTimestampTests {
    @Test(
        "A date-time is read with its zone, and nothing is early",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-21T10:00:00Z", 1_795_255_200_000_000),
            ("2026-11-21t10:00:00z", 1_795_255_200_000_000), ("2026-11-21T12:00:00+02:00", 1_795_255_200_000_000),
            ("2026-11-21T04:30:00-05:30", 1_795_255_200_000_000), ("2026-11-21T10:00:00-00:00", 1_795_255_200_000_000),
            ("2026-11-21T10:00:00.5Z", 1_795_255_200_500_000), ("2026-11-21T10:00:00.0000001Z", 1_795_255_200_000_001),
            ("2026-11-21T10:00:00.00000000000000000000Z", 1_795_255_200_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000), ("2017-01-01T00:59:60+01:00", 1_483_228_800_000_000),
            ("2028-02-29T00:00:00Z", 1_835_395_200_000_000),
        ] as [(String, Int64)])
    func reading(_ test: (text: String, microseconds: Int64)) {
        #expect(InternetTimestamp.parse(Array(test.text.utf8)[...])?.microseconds == test.microseconds)
    }

    @Test(
        "What is no date-time is not read",
        arguments: [
            "", "2026", "2026-11-21", "2026-11-21T10:00Z", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z",
            "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00+0200", "2026-11-21T10:00:00+2:00", "2026-11-21T10:00:00ZZ",
            "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:61Z", "2026-11-21T10:00:60Z",
            "2026-00-21T10:00:00Z", "2026-13-21T10:00:00Z", "2026-11-00T10:00:00Z", "2026-11-31T10:00:00Z",
            "2027-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "02026-11-21T10:00:00Z",
            "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00+02:60", "+026-11-21T10:00:00Z", "2026-1-021T10:00:00Z",
            "2026-11-21T10:00:00EST", "２０２６-11-21T10:00:00Z",
        ])
    func refusing(_ text: String) {
        #expect(InternetTimestamp.parse(Array(text.utf8)[...]) == nil)
    }

    @Test("What is written is read as the same second")
    func roundTrip() {
        for seconds: Int64 in [0, 59, 1_795_255_200, 4_102_444_799, 253_402_300_799] {
            let text = InternetTimestamp.utc(Timestamp(microseconds: seconds * 1_000_000 + 999_999))
            #expect(text.utf8.count == 20)
            #expect(InternetTimestamp.parse(Array(text.utf8)[...]) == Timestamp(seconds: seconds), "\(text)")
        }
    }
}
