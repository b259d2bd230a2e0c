import Testing

@testable import MailConfig

@Suite struct UnitsTests {
    @Test(arguments: [
        ("10s", 10_000), ("5m", 300_000), ("1h30m", 5_400_000), ("5d", 432_000_000), ("1w", 604_800_000),
        ("250ms", 250),
        ("1d2h3m4s5ms", 93_784_005), ("0s", 0),
    ])
    func durationsAreRead(text: String, milliseconds: Int) throws {
        let duration = try DurationText.parse(text)
        #expect(duration == .milliseconds(milliseconds))
        #expect(try DurationText.parse(DurationText.render(duration)) == duration)
    }

    @Test(arguments: [
        "", "5", "m", "5 m", "5m ", "-5m", "+5m", "1.5h", "30m1h", "1m1m", "5x", "5min", "99999999999999999999s",
        "9223372036854775807w", "5m\u{0}", "٥m", "9223372036854775807ms1",
    ])
    func otherDurationsAreRefused(text: String) {
        #expect(throws: ValueProblem.self) { try DurationText.parse(text) }
    }

    @Test(arguments: [
        ("512B", 512, "512B"), ("50MB", 50_000_000, "50MB"), ("50MiB", 52_428_800, "50MiB"), ("64kb", 64_000, "64kB"),
        ("64KiB", 65536, "64KiB"), ("2GB", 2_000_000_000, "2GB"), ("1TiB", 1 << 40, "1TiB"), ("0B", 0, "0B"),
        ("1024KiB", 1 << 20, "1MiB"), ("1500MB", 1_500_000_000, "1500MB"),
    ])
    func sizesAreRead(text: String, octets: Int, rendered: String) throws {
        #expect(try SizeText.parse(text) == octets)
        #expect(SizeText.render(octets) == rendered)
    }

    @Test(arguments: ["", "50", "50M", "50 MB", "MB", "-1B", "1.5GB", "1,5GB", "50MBB", "9223372036854775807TB"])
    func otherSizesAreRefused(text: String) {
        #expect(throws: ValueProblem.self) { try SizeText.parse(text) }
    }

    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("hostnmae", "hostname", 1),
        ("", "ab", 2),
    ])
    func editDistance(a: String, b: String, distance: Int) {
        #expect(Suggestion.editDistance(Array(a), Array(b)) == distance)
        #expect(Suggestion.editDistance(Array(b), Array(a)) == distance)
    }

    @Test func theNearestNameIsSuggested() {
        let names = ["hostname", "user", "node", "password_file", "message_size"]
        #expect(Suggestion.nearest(to: "hostnmae", among: names) == "hostname")
        #expect(Suggestion.nearest(to: "host-name", among: names) == "hostname")
        #expect(Suggestion.nearest(to: "password", among: names) == "password_file")
        #expect(Suggestion.nearest(to: "Message-Size", among: names) == "message_size")
        #expect(Suggestion.nearest(to: "colour", among: names) == nil)
        #expect(Suggestion.nearest(to: "", among: names) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 100_000), among: names) == nil)
    }
}
