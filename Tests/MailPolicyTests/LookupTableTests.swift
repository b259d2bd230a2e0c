import Glibc
import MailConfig
import Testing

@testable import MailPolicy

/// Tables, keys and what `postmap -q` of Postfix answers to them. The integration tests ask a real one again.
@Suite struct PostfixTableTests {
    private func fixture(_ name: String) throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let file = try #require(fopen("/\(folder)/Fixtures/Tables/\(name)", "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    @Test(arguments: [
        ("text", TableSource.Format.text), ("posix", .regexp), ("perl", .pcre), ("networks", .cidr),
    ])
    func answersAreThoseOfPostfix(_ name: String, _ format: TableSource.Format) throws {
        let reading = LookupTable.read(try fixture("\(name).table"), as: format, file: name)
        #expect(reading.errors.isEmpty)
        var answers: [String] = []
        for key in String(decoding: try fixture("\(name).keys"), as: UTF8.self).split(separator: "\n") {
            guard let answer = try reading.table.lookup(String(key), isWhole: true) else { continue }
            answers.append("\(key)\t\(answer.value)")
        }
        let expected = String(decoding: try fixture("\(name).expected"), as: UTF8.self)
        #expect(answers == expected.split(separator: "\n").map(String.init))
    }
}

@Suite struct LookupTableTests {
    private func read(
        _ text: String, _ format: TableSource.Format = .text, allowsGroups: Bool = true
    ) -> TableReading {
        LookupTable.read(Array(text.utf8), as: format, file: "/t", allowsGroups: allowsGroups)
    }

    private func places(_ reading: TableReading) -> [String] {
        reading.diagnostics.map { "\($0.place): \($0.severity): \($0.message)" }
    }

    @Test func anAnswerSaysWhereItWasWritten() throws {
        let text = "# first\na b\n c\nd e\n"
        let table = read(text).table
        #expect(try table.lookup("D", isWhole: false) == TableAnswer(value: "e", origin: "/t:4"))
        #expect(try table.lookup("a", isWhole: false) == TableAnswer(value: "b c", origin: "/t:2"))
        let rules = read("if /a/\n/ab/ x\nendif\n", .pcre).table
        #expect(try rules.lookup("ab", isWhole: true) == TableAnswer(value: "x", origin: "/t:2"))
    }

    @Test func patternsAndNetworksAreNotAskedForPartsOfAnAddress() throws {
        #expect(try read("/a/ x\n", .regexp).table.lookup("a", isWhole: false) == nil)
        #expect(try read("0.0.0.0/0 x\n", .cidr).table.lookup("192.0.2.1", isWhole: false) == nil)
    }

    @Test func ofEqualKeysTheFirstHoldsAndAWarningNamesTheOther() throws {
        let reading = read("a 1\nA 2\nb: 3\n")
        #expect(try reading.table.lookup("a", isWhole: false)?.value == "1")
        #expect(
            places(reading) == [
                "/t:2: warning: duplicate entry `A`",
                "/t:3: warning: the key `b:` ends with a colon: is this an aliases file (`name: value`)?",
            ])
        #expect(reading.errors.isEmpty)
    }

    @Test func domainsOfOtherScriptsAreFoundByTheirALabels() throws {
        let table = read("info@M\u{FC}nchen.example a\n@m\u{FC}nchen.example b\n.m\u{FC}nchen.example c\n").table
        #expect(try table.lookup("info@xn--mnchen-3ya.example", isWhole: true)?.value == "a")
        #expect(try table.lookup("@xn--mnchen-3ya.example", isWhole: true)?.value == "b")
        #expect(try table.lookup(".xn--mnchen-3ya.example", isWhole: true)?.value == "c")
        #expect(try table.lookup("info@m\u{FC}nchen.example", isWhole: true)?.value == "a")
    }

    @Test(arguments: [
        (TableSource.Format.text, "a b\nkey\n", "/t:2", "no value"),
        (.text, "  a b\n", "/t:1", "begins with a blank"),
        (.text, "\"a b\n", "/t:1", "quotes"),
        (.text, "a \u{0}b\n", "/t:1", "UTF-8"),
        (.regexp, "/a/\n", "/t:1", "no result"),
        (.regexp, "# x\n\n/a x\n", "/t:3", "closing `/`"),
        (.regexp, "/(a/ x\n", "/t:1", "bad pattern"),
        (.regexp, "/a/q x\n", "/t:1", "unknown flag `q`"),
        (.regexp, "/a/ $1\n", "/t:1", "group 1 of a pattern that has 0"),
        (.regexp, "!/(a)/ $1\n", "/t:1", "with `!`"),
        (.regexp, "/(a)/ $1x\n", "/t:1", "doesn't follow"),
        (.regexp, "/(a)/ ${1\n", "/t:1", "bracket"),
        (.regexp, "/(a)/ $0\n", "/t:1", "doesn't follow"),
        (.regexp, "if /a/\n/b/ c\n", "/t:1", "without its `endif`"),
        (.regexp, "/b/ c\nendif\n", "/t:2", "without its `if`"),
        (.regexp, "if /a/ b\nendif\n", "/t:1", "behind the pattern of `if`"),
        (.regexp, "if /a/\nendif x\nendif\n", "/t:2", "behind `endif`"),
        (.regexp, "hello /a/ x\n", "/t:1", "doesn't begin with a pattern"),
        (.regexp, "/((a{1,200}){1,200}){1,200}/ x\n", "/t:1", "too large"),
        (.regexp, "/^l++++++++++++++++++++++++++++++++/ x\n", "/t:1", "too large"),
        (.regexp, "/^l\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+/x x\n", "/t:1", "too large"),
        (.pcre, "/a(/ x\n", "/t:1", "missing closing parenthesis"),
        (.pcre, "/a\\C/ x\n", "/t:1", "bad pattern"),
        (.pcre, "/a/q x\n", "/t:1", "unknown flag `q`"),
        (.cidr, "192.0.2.1/24 x\n", "/t:1", "bits outside"),
        (.cidr, "192.0.2.0/33 x\n", "/t:1", "no network"),
        (.cidr, "192.0.2.0/24\n", "/t:1", "no result"),
        (.cidr, "example.org x\n", "/t:1", "no network"),
    ])
    func aBadLineIsNamed(_ format: TableSource.Format, _ text: String, _ place: String, _ message: String) {
        let errors = read(text, format).errors
        #expect(errors.first?.place == place)
        #expect(errors.first?.message.contains(message) == true, "\(errors)")
        #expect(errors.first?.remedy.isEmpty == false)
    }

    @Test func aFileOfRubbishSaysItFiftyTimes() {
        let reading = read(String(repeating: "rubbish\n", count: 1000))
        #expect(reading.diagnostics.count == 101)
        #expect(reading.diagnostics.last?.message == "there are 900 more messages")
    }

    @Test func groupsAreRefusedWhereASenderMustNotDecide() {
        let reading = read("/^(.*)$/ smtp:[$1]\n", .regexp, allowsGroups: false)
        #expect(reading.errors.first?.message.contains("must not decide") == true)
        #expect(read("/^(.*)$/ smtp:[$$1]\n", .regexp, allowsGroups: false).errors.isEmpty)
    }

    @Test func aPatternCanNotHang() throws {
        let table = read("/^(a+)+$/ x\n", .pcre).table
        #expect(throws: TableFailure.self) {
            try table.lookup(String(repeating: "a", count: 64) + "!", isWhole: true)
        }
        #expect(try table.lookup("aaa", isWhole: true)?.value == "x")
    }

    @Test func aBackReferenceSeesNoEndlessKey() throws {
        let table = read("/^(.*)(.*)\\1$/ x\n", .regexp).table
        #expect(throws: TableFailure.self) { try table.lookup(String(repeating: "a", count: 2000), isWhole: true) }
        #expect(try table.lookup("abab", isWhole: true)?.value == "x")
    }

    @Test func perlPatternsSeeCharacters() throws {
        let table = read("/^\u{FC}.@/ x\n", .pcre).table
        #expect(try table.lookup("\u{DC}\u{E4}@example.org", isWhole: true)?.value == "x")
    }

    @Test func theManifestHoldsTablesToo() throws {
        let entries = TableSource(
            format: .text, content: .entries([.init(key: "A", value: "b", line: 7)]), origin: "martlet.yaml:6")
        let text = try #require(LookupTable.read(entries))
        #expect(try text.table.lookup("a", isWhole: false) == TableAnswer(value: "b", origin: "martlet.yaml:7"))
        let rules = TableSource(
            format: .pcre, content: .rules([.init(text: "/a/ x", line: 8), .init(text: "/b/", line: 9)]),
            origin: "martlet.yaml:6")
        let patterns = try #require(LookupTable.read(rules))
        #expect(try patterns.table.lookup("a", isWhole: true)?.origin == "martlet.yaml:8")
        #expect(patterns.errors.map(\.place) == ["martlet.yaml:9"])
        let fixed = TableSource(format: .static, content: .value("OK"), origin: "martlet.yaml:6")
        #expect(
            try LookupTable.read(fixed)?.table.lookup("x", isWhole: false)
                == TableAnswer(value: "OK", origin: "martlet.yaml:6"))
    }

    @Test func manyKeysAreFound() throws {
        let text = (0..<20_000).map { "user\($0)@example.org target\($0)@example.net\n" }.joined()
        let table = read(text).table
        for number in stride(from: 0, to: 20_000, by: 97) {
            let answer = try table.lookup("user\(number)@example.org", isWhole: true)
            #expect(answer == TableAnswer(value: "target\(number)@example.net", origin: "/t:\(number + 1)"))
        }
        #expect(try table.lookup("user20000@example.org", isWhole: true) == nil)
    }
}
