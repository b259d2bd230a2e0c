import MartletTesting
import Testing

@testable import Compat

/// Generated `main.cf` files, read by Debian's `postconf` and by us: the same values come out, or neither has any.
@Suite(.enabled(if: Peer.present("postconf"))) struct PostconfPeerTests {
    fileprivate static let compared = [
        "smtpd_banner", "relayhost", "mydestination", "virtual_alias_domains", "smtpd_helo_restrictions", "myorigin",
        "relay_domains", "recipient_delimiter", "append_dot_mydomain", "local_transport",
    ]
    fileprivate static let made = ["my_a", "my_b", "my_c"]

    private struct Writer {
        var random: SeededGenerator

        mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

        mutating func one(_ words: [String]) -> String { words.randomElement(using: &random) ?? "" }

        mutating func value(_ depth: Int = 0) -> String {
            (0..<number(0...4)).map { _ in piece(depth) }.joined()
        }

        private mutating func piece(_ depth: Int) -> String {
            let name = one(
                PostconfPeerTests.made + [
                    "recipient_delimiter", "compatibility_level", "mydomain", "mail_name", "nothing",
                ])
            let inner = depth < 2 ? value(depth + 1) : "x"
            switch number(0...12) {
            case 0...3: return one(["abc", "x.y", " ", ", ", "[h]:25", "10.0.0.0/8", "{q}", "yes", "1", "02"])
            case 4: return "$" + name
            case 5: return "${\(name)}"
            case 6: return "$(\(name))"
            case 7: return "${\(name)?\(inner)}"
            case 8: return "${\(name):\(inner)}"
            case 9: return "${\(name)\(one(["?", " ? "])){\(inner)}\(one([":", " : "])){f}}"
            case 10:
                let relation = one(["==", " != ", "<", " <= ", ">", ">="])
                let branch = one(["", "?{y}:{n}", "?{y}", ":{n}"])
                return "${{\(inner)}\(relation){\(one(["1", "abc", "", "2"]))}\(branch)}"
            case 11: return "$$"
            default: return one(["-", ".", "$(mail_name)x", "${mail_name}_y"])
            }
        }

        mutating func file() -> String {
            var lines = ["compatibility_level = \(one(["0", "1", "2", "3.6"]))", "myhostname = mx.example.org"]
            for name in (PostconfPeerTests.compared + PostconfPeerTests.made).shuffled(using: &random).prefix(
                number(3...8))
            {
                let text = value()
                lines.append(
                    one([
                        "\(name) = \(text)", "\(name)=\(text)", "\(name)\t=  \(text)  ",
                        "# c\n\(name) = a,\n# in\n\n\t\(text)",
                    ]))
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }

    private static func values(_ output: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in output.split(separator: "\n") {
            guard let equals = line.firstRange(of: " =") else { continue }
            values[String(line[..<equals.lowerBound])] = folded(String(line[equals.upperBound...]))
        }
        return values
    }

    /// `postconf` shows blanks of any number and kind as one.
    private static func folded(_ text: String) -> String {
        text.unicodeScalars.split(whereSeparator: \.isBlank).map(String.init).joined(separator: " ")
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `values are what postconf says`(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "master.cf")
        var writer = Writer(random: SeededGenerator(seed: seed))
        var agreed = 0
        for round in 1...25 {
            let text = writer.file()
            try folder.write(text, to: "main.cf")
            let theirs = try await ProcessRunner.run(["postconf", "-c", folder.path, "-x"] + Self.compared)
            // It crashes on a parameter that is defined by itself.
            guard theirs.status < 128 else { continue }
            let settings = PostfixSettings(MainCF(Array(text.utf8)), host: .init(name: "mx.example.org"))
            let ours = Self.compared.map { name in (name, Result { try settings.value(name) }) }
            if theirs.errors.contains("fatal:") {
                let fails = ours.contains { if case .failure = $0.1 { true } else { false } }
                #expect(fails || !settings.main.problems.isEmpty, "\(seed), \(round): \(theirs.errors)\n\(text)")
                continue
            }
            let expected = Self.values(theirs.output)
            for (name, result) in ours {
                let value = try? Self.folded(result.get())
                #expect(value == expected[name], "\(seed), \(round), \(name):\n\(text)\(theirs)")
            }
            agreed += 1
        }
        #expect(agreed > 5)
    }
}
