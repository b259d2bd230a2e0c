import MailSyntax
import MartletTesting
import Testing

@Suite("Transfer encodings")
struct EncodingTests {
    @Test("base64 decodes what it encodes, at each length")
    func base64RoundTrip() {
        var generator = SeededGenerator(seed: 7)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
            #expect(Base64.decodeLenient(Base64.encode(bytes, lineLength: 76).utf8) == bytes)
        }
    }

    @Test(
        "Strict base64 refuses what is not canonical",
        arguments: ["A", "AA", "AAA", "A===", "AB==", "AAB=", "AA=A", "A A=", "AAAA\r\n", "AA==AAAA", "QUI-"]
    )
    func base64Strict(text: String) { #expect(Base64.decode(text.utf8) == nil) }

    @Test("Lenient base64 passes over what does not belong")
    func base64Lenient() {
        #expect(Base64.decodeLenient("aGVs\r\nbG8=\r\nIQ".utf8) == Array("hello!".utf8))
        #expect(Base64.decodeLenient("aGVsbG8=IQ==".utf8) == Array("hello!".utf8))
        #expect(Base64.encode(Array("hello".utf8), lineLength: 4) == "aGVs\r\nbG8=")
    }

    @Test(
        "Quoted-printable is decoded tolerantly",
        arguments: [
            ("a=3Db", "a=b"), ("soft=\r\nbreak", "softbreak"), ("soft=\nbreak", "softbreak"),
            ("soft= \t\r\nbreak", "softbreak"),
            ("trail  \r\nx", "trail\r\nx"), ("keep=20\r\nx", "keep \r\nx"), ("bad=ZZ", "bad=ZZ"), ("end=", "end"),
            ("low=c3=a4", "lowä"), ("=", ""), ("=\r", ""), ("a=4", "a=4"),
        ]
    )
    func quotedPrintable(text: String, decoded: String) {
        #expect(String(decoding: QuotedPrintable.decode(text.utf8), as: UTF8.self) == decoded)
    }

    @Test("Quoted-printable decodes what it encodes, within 76 columns")
    func quotedPrintableRoundTrip() {
        var generator = SeededGenerator(seed: 11)
        let alphabet = Array("ab .=F\t".utf8) + [0xC3, 0xA4, 0, 255]
        for length in 0..<300 {
            var text = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            if length > 50 { text.insert(contentsOf: [13, 10], at: 40) }
            let encoded = QuotedPrintable.encode(text)
            #expect(QuotedPrintable.decode(encoded) == text)
            #expect(encoded.split(separator: 10).allSatisfy { $0.count <= 77 })
        }
    }

    @Test(
        "Encoded words are decoded",
        arguments: [
            ("=?utf-8?Q?J=C3=BCrgen?= M", "Jürgen M"), ("=?ISO-8859-1?B?SvxyZ2Vu?=", "Jürgen"),
            ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"), ("=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c"),
            ("=?utf-8?q?a_b?=", "a b"), ("x =?utf-8?q?a?= y", "x a y"), ("=?utf-8?B?w6Q=?==?utf-8?B?w7Y=?=", "äö"),
            ("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"), ("=?utf-8*en?q?a?=", "a"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            ("=?utf-7?Q?J+APw-rgen?=", "Jürgen"), ("=?gb2312?B?1tDOxA==?=", "中文"), ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
            ("=?windows-1251?B?z/Do4uXy?=", "Привет"), ("=?x-nope?q?abc?=", "abc"),
            ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="), ("=?utf-8?q?abc", "=?utf-8?q?abc"), ("=?utf-8?q", "=?utf-8?q"),
            ("=?", "=?"), ("a =?= b", "a =?= b"), ("plain", "plain"), ("=?utf-8?Q?a b?=", "a b"),
        ]
    )
    func encodedWords(text: String, decoded: String) { #expect(EncodedWord.decode(text) == decoded) }

    @Test("Raw 8-bit header text is UTF-8 or Windows-1252")
    func rawEightBit() {
        #expect(EncodedWord.decode([0x4A, 0xFC, 0x72]) == "Jür")
        #expect(EncodedWord.decode(Array("Jür".utf8)) == "Jür")
    }

    @Test("Encoded words written are read back, 75 octets at most", arguments: ["ä", "日本語テキスト", "a =? b"])
    func encodedWordRoundTrip(unit: String) {
        let text = String(repeating: unit, count: 40)
        let encoded = EncodedWord.encode(text)
        #expect(EncodedWord.decode(encoded) == text)
        #expect(encoded.split(separator: " ").allSatisfy { $0.utf8.count <= 75 && $0.utf8.allSatisfy { $0 < 0x80 } })
        #expect(EncodedWord.encode("plain text") == "plain text")
    }

    @Test("Character sets never fail")
    func charsets() {
        #expect(Charset.decode([0xFF, 0x41], label: "utf-8") == "\u{FFFD}A")
        #expect(Charset.decode([0x80], label: "iso-8859-1") == "€")
        #expect(Charset.decode([0x81, 0x41], label: "shift_jis").unicodeScalars.count >= 1)
        #expect(Charset.decode([0x41], label: "../../etc/passwd") == "A")
        #expect(Charset.decode([0x41], label: "UTF-8//IGNORE") == "A")
        #expect(Charset.decode([0x41, 0], label: "utf-16le") == "A")
        let broken = Charset.decode([UInt8](repeating: 0xFF, count: 1000), label: "euc-jp")
        #expect(broken.unicodeScalars.count == 1000)
        let long = Charset.decode([UInt8](repeating: 0xE4, count: 200_000), label: "iso-8859-15")
        #expect(long == String(repeating: "ä", count: 200_000))
        #expect(Charset.isKnown("big5"))
        #expect(!Charset.isKnown("x-nope"))
    }
}

@Suite("Dates")
struct InternetDateTests {
    @Test(
        "Dates of all ages are read",
        arguments: [
            ("Sat, 21 Nov 2026 00:04:28 +0000 (UTC)", 1_795_219_468, 0),
            ("21 Nov 2026 00:04:28 +0000", 1_795_219_468, 0),
            ("Sat, 21 Nov 2026 02:04:28 +0200", 1_795_219_468, 120),
            ("Fri, 20 Nov 2026 18:34:28 -0530", 1_795_219_468, -330),
            ("Sat, 21 Nov 2026 00:04 GMT", 1_795_219_440, 0), ("Fri, 20 Nov 2026 19:04:28 EST", 1_795_219_468, -300),
            ("Thu, 01 Jan 70 00:00:00 GMT", 0, 0), ("1 Jan 00 00:00:00 UT", 946_684_800, 0),
            ("1 Jan 100 00:00:00 Z", 946_684_800, 0), ("Sat,21 Nov 2026 00:04:28", 1_795_219_468, 0),
            ("Sat (day), 21 (x(y)) Nov 2026 00 : 04 : 28 +0000", 1_795_219_468, 0),
            ("Sat Nov 21 00:04:28 2026", 1_795_219_468, 0), ("21-Nov-2026 00:04:28 +0000", 1_795_219_468, 0),
            ("Sat, 29 Feb 2020 12:00:00 +0000", 1_582_977_600, 0), ("31 Dec 2016 23:59:60 +0000", 1_483_228_799, 0),
            ("Saturday, 21-Nov-26 00:04:28 GMT", 1_795_219_468, 0),
            ("Sat, 21 Nov 2026\r\n 00:04:28 A", 1_795_219_468, 0),
        ]
    )
    func reads(text: String, seconds: Int64, offset: Int) throws {
        let (time, zone) = try #require(InternetDate.parse(text))
        #expect(time.seconds == seconds)
        #expect(zone == offset)
    }

    @Test(
        "What is not a date is refused",
        arguments: [
            "", "Sat", "Sat, ", "32 Nov 2026 00:00:00", "31 Nov 2026 00:00:00", "29 Feb 2026 00:00:00",
            "1 Foo 2026 00:00",
            "1 Nov 2026", "1 Nov 2026 24:00", "1 Nov 2026 00:60", "1 Nov 1800 00:00", "(((((",
            "1 Nov 99999999999999 1:1", "\\(",
        ]
    )
    func refuses(text: String) { #expect(InternetDate.parse(text) == nil) }

    @Test("Dates written are read back over four centuries")
    func roundTrip() throws {
        for day in stride(from: Int64(-25_000), to: 120_000, by: 97) {
            let time = Timestamp(seconds: day * 86_400 + day & 0xFFFF)
            let offset = Int(day % 700)
            let text = InternetDate.format(time, offsetMinutes: offset)
            let (read, zone) = try #require(InternetDate.parse(text), "\(text)")
            #expect(read == time)
            #expect(zone == offset)
        }
        #expect(
            InternetDate.format(Timestamp(seconds: 1_795_219_468), offsetMinutes: 0)
                == "Sat, 21 Nov 2026 00:04:28 +0000 (UTC)")
        #expect(InternetDate.format(Timestamp(seconds: 0), offsetMinutes: -90) == "Wed, 31 Dec 1969 22:30:00 -0130")
    }
}

@Suite("Identifiers, codes and instants")
struct IdentifierTests {
    @Test("Mail ids keep their order and value as text")
    func mailID() throws {
        var last = ""
        for raw in [1, 31, 32, 1 << 40, 1 << 62, Int64.max] {
            let text = MailID(rawValue: raw).description
            #expect(text.utf8.count == 13)
            #expect(text > last)
            #expect(MailID(text)?.rawValue == raw)
            #expect(MailID(text.lowercased())?.rawValue == raw)
            last = text
        }
        for bad in ["", "0", "0000000000000", "ZZZZZZZZZZZZZ", "000000000000U", "00000000000011"] {
            #expect(MailID(bad) == nil)
        }
    }

    @Test("Status codes are read strictly")
    func statusCode() {
        #expect(EnhancedStatusCode(parsing: "5.1.1") == EnhancedStatusCode(5, 1, 1))
        for bad in ["", "5", "5.1", "5.1.1.1", "3.1.1", "5..1", "5.1.1000", "5.1.x", "-5.1.1"] {
            #expect(EnhancedStatusCode(parsing: bad) == nil)
        }
    }

    @Test("Instants saturate")
    func instants() {
        #expect(Timestamp(microseconds: -1).seconds == -1)
        #expect(Timestamp(microseconds: .max).adding(.seconds(1)).microseconds == .max)
        #expect(Timestamp(seconds: 10).adding(.milliseconds(-1500)).microseconds == 8_500_000)
        #expect(Timestamp(seconds: .max).microseconds == .max)
    }
}
