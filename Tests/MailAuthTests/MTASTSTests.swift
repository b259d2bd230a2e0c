import MailAuth
import Testing

@Suite("Policies of MTA-STS")
struct MTASTSTests {
    static let good =
        "version: STSv1\r\nmode: enforce\r\nmx: mail.one.example\r\nmx: *.one.example\r\nmax_age: 604800\r\n"

    @Test(
        "The record's id is read, and only from one record",
        arguments: [
            (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"), (["v=STSv1;id=a"], "a"),
            (["v=STSv1 ; x=y ; id=b1"], "b1"), (["other", "v=STSv1; id=c;"], "c"),
            (["v=STSv1; id=c;", "v=STSv1; id=d;"], nil), (["v=STSv1; id=;"], nil), (["v=STSv1;"], nil),
            (["v=STSv1"], nil), (["v=STSv12; id=a"], nil), (["V=STSv1; id=a"], nil), (["v=STSv1; id=a-b"], nil),
            (["v=STSv1; id=a; id=b"], nil), (["id=a; v=STSv1"], nil), ([], nil),
            (["v=STSv1; id=012345678901234567890123456789012"], nil),
        ] as [([String], String?)])
    func records(_ texts: [String], _ id: String?) {
        #expect(MTASTSRecord.find(in: texts.map { Array($0.utf8) })?.id == id)
    }

    @Test("A policy is read, with either line end, unknown fields and blank lines at its end")
    func reads() throws {
        let policy = try MTASTSPolicy(parsing: Array(Self.good.utf8))
        #expect(policy.mode == .enforce && policy.maxAge == 604800)
        #expect(policy.hosts == ["mail.one.example", "*.one.example"])
        let bare = "version:STSv1\nmode:  testing \nmx: MAIL.one.example\nfuture: x\nmode: none\nmax_age: 1\n\n\r\n"
        let other = try MTASTSPolicy(parsing: Array(bare.utf8))
        #expect(other.mode == .testing && other.hosts == ["mail.one.example"])
        #expect(try MTASTSPolicy(parsing: Array(policy.text.utf8)) == policy)
    }

    @Test("Our own record can be read, and changes with the policy")
    func ownRecord() throws {
        let one = MTASTSPolicy(mode: .testing, maxAge: 86400, hosts: ["mail.one.example"])
        var other = one
        other.mode = .enforce
        let ids = [one, other].compactMap { MTASTSRecord.find(in: [Array($0.recordText.utf8)])?.id }
        #expect(Set(ids).count == 2)
    }

    @Test("Mode none needs no host, and an age is a year at most")
    func none() throws {
        let policy = try MTASTSPolicy(parsing: Array("version: STSv1\nmode: none\nmax_age: 9999999999\n".utf8))
        #expect(policy.mode == .none && policy.hosts.isEmpty && policy.maxAge == MTASTSPolicy.longestAge)
    }

    @Test(
        "What is not a policy says nothing",
        arguments: [
            "", "<html><body>Not found</body></html>", "mode: enforce\nmx: a.example\nmax_age: 1\n",
            "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n", "version: STSv1\nmx: a.example\nmax_age: 1\n",
            "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n",
            "version: STSv1\nmode: enforce\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmx: a.example\n",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 12345678901\n",
            "version: STSv1\nmode: enforce\nmx: a..example\nmax_age: 1\n",
            "version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n",
            "version: STSv1\nmode: enforce\nmx a.example\nmax_age: 1\n",
            "version: STSv1\n\nmode: enforce\nmx: a.example\nmax_age: 1\n\u{0}",
        ])
    func refuses(_ text: String) {
        #expect(throws: MTASTSPolicyError.self) { try MTASTSPolicy(parsing: Array(text.utf8)) }
    }

    @Test("Too much is refused", arguments: [70_000, 65_536])
    func large(_ size: Int) {
        let text = Array(Self.good.utf8) + [UInt8](repeating: UInt8(ascii: "a"), count: size)
        #expect(throws: MTASTSPolicyError.self) { try MTASTSPolicy(parsing: text) }
    }

    @Test("A wildcard is exactly one label")
    func hosts() throws {
        let policy = MTASTSPolicy(mode: .enforce, maxAge: 1, hosts: ["mail.one.example", "*.two.example"])
        for host in ["mail.one.example", "MAIL.One.example.", "a.two.example"] {
            #expect(policy.lists(host), "\(host)")
        }
        for host in ["one.example", "x.mail.one.example", "two.example", "a.b.two.example", ".two.example", ""] {
            #expect(!policy.lists(host), "\(host)")
        }
    }
}
