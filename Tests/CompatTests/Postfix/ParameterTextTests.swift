import Testing

@testable import Compat

@Suite struct ParameterTextTests {
    private let values = [
        "name": "mx", "empty": "", "nested": "<$name>", "loop": "$loop", "a": "$b", "b": "$a", "three": "3",
        "level": "3.6",
        "blank_later": "$empty",
    ]

    @Test(arguments: [
        ("plain", "plain"), ("$name.test", "mx.test"), ("${name}s", "mxs"), ("$(name)", "mx"), ("$nested", "<mx>"),
        ("$$name", "$name"), ("$nobody|", "|"), ("${name?yes}", "yes"), ("${empty?yes}", ""), ("${name:no}", ""),
        ("${empty:no}", "no"), ("${name?{y}:{n}}", "y"), ("${empty ? {y} : {n}}", "n"), ("${name?{a b}}", "a b"),
        ("${blank_later?set}", "set"), ("${{1}=={1}?{y}:{n}}", "y"), ("${{$name} != {mx} ? {y} : {n}}", "n"),
        ("${{20}>{3}?{num}:{str}}", "num"), ("${{a20}>{a3}?{y}:{str}}", "str"), ("${{1}=={1}}", "true"),
        ("${{1}=={2}}", ""), ("${{$level} >=level {3.10} ? {y} : {n}}", "n"),
        ("${{$level} <level {4} ? {y} : {n}}", "y"),
        ("${name?${nested?in}}", "in"), ("", ""), ("${empty:$name}", "mx"),
    ])
    func `expands as Postfix does`(text: String, expected: String) throws {
        #expect(try ParameterText { values[$0] }.expand(text) == expected)
    }

    @Test(arguments: [
        "$", "a$ b", "${name", "$(name}", "${}", "${name!x}", "$loop", "$a", "${{1}~{2}}", "${{1}=={2}", "${{1}==2}",
        "${{x} >=level {3}}", "${name?{a}b}",
    ])
    func `what Postfix stops at is an error`(text: String) {
        #expect(throws: ParameterText.Failure.self) { try ParameterText { values[$0] }.expand(text) }
    }

    @Test func `a few lines that name each other do not fill the memory`() {
        let lookup: (String) -> String? = { name in
            guard let depth = Int(name.dropFirst()), name.hasPrefix("n") else { return nil }
            return depth == 0 ? "xxxxxxxxxx" : String(repeating: "$n\(depth - 1)", count: 10)
        }
        #expect(throws: ParameterText.Failure.self) { try ParameterText(lookup: lookup).expand("$n30") }
    }
}

@Suite struct PostfixSettingsTests {
    private func settings(_ text: String, host: String = "mx.example.org") -> PostfixSettings {
        PostfixSettings(MainCF(Array(text.utf8)), host: .init(name: host))
    }

    @Test func `defaults follow the level, the host and other parameters`() throws {
        let old = settings("")
        #expect(try old.value("append_dot_mydomain") == "yes")
        #expect(try old.value("mynetworks_style") == "subnet")
        #expect(try old.value("mydestination") == "mx.example.org, localhost.example.org, localhost")
        #expect(try old.value("relay_domains") == "mx.example.org, localhost.example.org, localhost")
        let new = settings("compatibility_level = 3.6\nmydomain = example.net\n")
        #expect(try new.value("append_dot_mydomain") == "no")
        #expect(try new.value("mynetworks_style") == "host")
        #expect(try new.value("relay_domains") == "")
        #expect(try new.list("mydestination") == ["mx.example.org", "localhost.example.net", "localhost"])
        #expect(try settings("", host: "mx").value("myhostname") == "mx.localdomain")
        #expect(try settings("myhostname = a.b.test").value("mydomain") == "b.test")
    }

    @Test func `a service's overrides go before main.cf`() throws {
        let master = MasterCF(Array("submission inet n - y - - smtpd -o a=1 -o a=$mua\n".utf8))
        let main = settings("a = 0\nmua = permit")
        let service = try #require(master.services.first)
        #expect(try main.value("a") == "0")
        #expect(try main.seen(by: service).value("a") == "permit")
        #expect(main.line(of: "a") == 1)
        #expect(main.line(of: "myorigin") == nil)
    }

    @Test func `values of each type`() throws {
        let main = settings(
            "b = YES\nt = 5d\nh = 3\nn = 12\nl = a,b  {c d} , e\nbad = maybe\nhuge = 99999999999999999999d")
        #expect(try main.isOn("b"))
        #expect(try main.seconds("t") == 432_000)
        #expect(try main.seconds("h", unit: "h") == 10_800)
        #expect(try main.number("n") == 12)
        #expect(try main.list("l") == ["a", "b", "{c d}", "e"])
        #expect(throws: ParameterText.Failure.self) { try main.isOn("bad") }
        #expect(throws: ParameterText.Failure.self) { try main.seconds("bad") }
        #expect(throws: ParameterText.Failure.self) { try main.seconds("huge") }
        #expect(throws: ParameterText.Failure.self) { try main.number("bad") }
        #expect(try main.value("smtpd_expansion_filter").contains("$%&"))
    }

    @Test func `what Postfix has is known, also of transports`() {
        #expect(PostfixSettings.isKnown("smtpd_recipient_limit"))
        #expect(!PostfixSettings.isKnown("smtpd_recipient_limits"))
        #expect(PostfixSettings.isKnown("slow_destination_rate_delay"))
        #expect(PostfixSettings.isKnown("myhostname"))
    }
}
