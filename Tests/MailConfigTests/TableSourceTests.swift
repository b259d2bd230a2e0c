import Testing

@testable import MailConfig

@Suite struct TableSourceTests {
    private func parse(_ text: String) throws -> TableSource {
        try TableSource.parse(text, relativeTo: "/etc/martlet", line: 3)
    }

    @Test(arguments: [
        ("hash:virtual", "text:/etc/martlet/virtual"), ("lmdb:/a/b", "text:/a/b"),
        ("texthash:./x", "text:/etc/martlet/x"),
        ("/a/b:c", "text:/a/b:c"), ("virtual", "text:/etc/martlet/virtual"), ("proxy:proxy:hash:/x", "text:/x"),
        ("PCRE:/x", "pcre:/x"), ("regexp:x", "regexp:/etc/martlet/x"), ("cidr:/x", "cidr:/x"),
        ("static:OK", "static:OK"), ("static:{a b}", "static:{a b}"), ("sqlite:/x.cf", "sqlite:/x.cf"),
        ("inline:{ a=b, {c = d e} }", "inline:{ {a = b}, {c = d e} }"),
        ("pcre:{ {/^a,{2}/ b}, {/x/ y} }", "pcre:{ {/^a,{2}/ b}, {/x/ y} }"),
        ("unionmap:{ hash:/a, proxy:sqlite:/b }", "unionmap:{ text:/a, sqlite:/b }"),
        ("pipemap:{inline:{a=b} static:c}", "pipemap:{ inline:{ {a = b} }, static:c }"),
    ])
    func tablesAreReadAsPostfixWritesThem(_ text: String, _ expected: String) throws {
        let table = try parse(text)
        #expect(table.description == expected)
        #expect(try parse(table.description) == table)
    }

    @Test(arguments: [
        ("mysql:/x.cf", "type `mysql`", "sqlite:PATH"), ("ldap:/x", "type `ldap`", "ldapsearch"),
        ("haash:/x", "unknown type `haash`", "did you mean `hash:`"), ("hash:", "no file", "TYPE:PATH"),
        ("inline:{a}", "without `=`", "KEY=VALUE"), ("inline:{a=b", "`}`", "close"), ("pcre:{/a/ b}", "braces", "RULE"),
        ("inline:{}", "nothing", "ITEM"), ("hash:{a=b}", "entries", "inline"), ("inline:{a}}={b}", "match", "close"),
        ("socketmap:unix:/x:y", "type `socketmap`", "pcre"),
    ])
    func whatCanNotBeReadIsRefusedWithARemedy(_ text: String, _ message: String, _ remedy: String) {
        #expect {
            try parse(text)
        } throws: { error in
            guard let problem = error as? ValueProblem else { return false }
            return problem.message.contains(message) && problem.remedy.contains(remedy)
        }
    }
}
