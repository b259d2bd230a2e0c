import MailConfig
import Testing

@Suite struct RouteHostTests {
    @Test(
        "A next hop is read as Postfix writes it",
        arguments: [
            ("[mail.isp.example]:587", "[mail.isp.example]:587"), ("[Mail.ISP.example]", "[mail.isp.example]"),
            ("isp.example", "isp.example"), ("isp.example:26", "isp.example:26"),
            ("[mail.isp.example]:submission", "[mail.isp.example]:587"),
            ("[mail.isp.example]:submissions", "[mail.isp.example]:465"),
            ("[mail.isp.example]:SMTP", "[mail.isp.example]:25"), ("[192.0.2.1]:2525", "[192.0.2.1]:2525"),
            ("192.168.0.1", "[192.168.0.1]"), ("192.168.0.1:smtps", "[192.168.0.1]:465"),
            ("[2001:DB8::1]", "[2001:db8::1]"), ("[IPv6:2001:db8::1]:587", "[2001:db8::1]:587"),
            ("unix:/run/dovecot/lmtp", "unix:/run/dovecot/lmtp"), ("inet:127.0.0.1:24", "[127.0.0.1]:24"),
            ("inet:[localhost]:24", "[localhost]:24"), ("relay", "relay"),
        ])
    func reads(_ text: String, _ shown: String) throws {
        #expect(try RouteHost.parse(text).description == shown)
        #expect(RouteHost(parsing: text)?.description == shown)
    }

    @Test(
        "What is no next hop is said in words",
        arguments: [
            ("", "\"\" is not a host name"), ("[mail.isp.example", "`]` is missing"), ("[]", "not a host name"),
            ("[mail.isp.example]587", "after `]`"), ("[a]:", "neither a port"), ("a:0", "neither a port"),
            ("a:65536", "neither a port"), ("a:99999999999999999999", "neither a port"), ("a:+5", "neither a port"),
            ("2001:db8::1", "in brackets"), ("unix:relative", "absolute path"), ("a b", "not a host name"),
            ("unix:/\(String(repeating: "x", count: 120))", "absolute path"), ("[a..b]", "not a host name"),
        ])
    func refuses(_ text: String, _ hint: String) {
        #expect(RouteHost(parsing: text) == nil)
        do throws(RouteHostError) {
            _ = try RouteHost.parse(text)
            Issue.record("read")
        } catch {
            #expect(error.description.contains(hint))
        }
    }

    @Test("Several next hops keep their order") func lists() throws {
        let hosts = try RouteHost.parse(list: "[a.example]:587, b.example  [192.0.2.1]")
        #expect(hosts.map(\.description) == ["[a.example]:587", "b.example", "[192.0.2.1]"])
        #expect(throws: RouteHostError.self) { try RouteHost.parse(list: " , ") }
        #expect(throws: RouteHostError.self) { try RouteHost.parse(list: "a.example, [b") }
    }
}
