import MailSyntax
import Testing

@testable import MailAuth

@Suite struct SRSCodecTests {
    private let now = Timestamp(seconds: 1_790_000_000)
    private let day = Duration.seconds(86400)

    private func codec(_ secrets: [String] = ["secret"], domain: String = "ours.example") throws -> SRSCodec {
        let name = try #require(DomainName(domain))
        return try #require(SRSCodec(domain: name, secrets: secrets.map { Array($0.utf8) }, validDays: 21))
    }

    private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

    @Test(arguments: [
        "bob@far.example", "Bob.Smith@Far.example", "a=b=c@far.example", "\"a b\"@far.example", "bob+tag@far.example",
        "x@xn--bcher-kva.example", "SRS@far.example", "srs0x=a@far.example",
    ])
    func whatGoesOutComesBack(_ text: String) throws {
        let codec = try codec()
        let made = try #require(codec.forward(try address(text), at: now))
        #expect(made.hostText == "ours.example")
        #expect(made.localPart.hasPrefix("SRS0="))
        #expect(codec.reverse(made, at: now) == .address(try address(text)))
        let folded = try #require(EmailAddress(made.description.lowercased()))
        guard case .address(let back) = codec.reverse(folded, at: now) else {
            Issue.record("the case matters")
            return
        }
        #expect(back.folded == (try address(text)).folded)
    }

    @Test func anAddressThatAnotherServerMadeIsHeldAndDoesNotGrow() throws {
        let first = try codec(["one"], domain: "first.example")
        let second = try codec(["two"], domain: "second.example")
        let third = try codec(["three"], domain: "third.example")
        let atFirst = try #require(first.forward(try address("bob@far.example"), at: now))
        let atSecond = try #require(second.forward(atFirst, at: now))
        #expect(atSecond.localPart.hasPrefix("SRS1="))
        let atThird = try #require(third.forward(atSecond, at: now))
        #expect(atThird.localPart.count == atSecond.localPart.count)
        #expect(third.reverse(atThird, at: now) == .address(atFirst))
        #expect(first.reverse(atFirst, at: now) == .address(try address("bob@far.example")))
        #expect(second.reverse(atSecond, at: now) == .address(atFirst))
    }

    @Test func addressesOfOlderSecretsStillVerify() throws {
        let old = try codec(["old"])
        let made = try #require(old.forward(try address("bob@far.example"), at: now))
        #expect(try codec(["new", "old"]).reverse(made, at: now) == .address(try address("bob@far.example")))
        #expect(try codec(["new"]).reverse(made, at: now) == .forged)
    }

    @Test func addressesExpire() throws {
        let codec = try codec()
        let made = try #require(codec.forward(try address("bob@far.example"), at: now))
        #expect(codec.reverse(made, at: now.adding(day * 21)) == .address(try address("bob@far.example")))
        #expect(codec.reverse(made, at: now.adding(day * 22)) == .expired)
        #expect(codec.reverse(made, at: now.adding(day * -1)) == .address(try address("bob@far.example")))
        #expect(codec.reverse(made, at: now.adding(day * -2)) == .expired)
    }

    /// Made by postsrsd's algorithm with Python: HMAC-SHA1 over day, domain and local part in lower case, in Base64.
    @Test func whatOthersMakeIsRead() throws {
        let codec = try codec(["tops3cr3t"], domain: "example.com")
        let then = Timestamp(seconds: 1_577_836_860)
        for text in Self.reference {
            #expect(codec.reverse(try address(text), at: then) == .address(try address("test@otherdomain.com")))
        }
    }

    static let reference = ["SRS0=vmyz=2W=otherdomain.com=test@example.com"]

    @Test(arguments: [
        ("SRS0=XXXXXX=AA=far.example=bob@ours.example", SRSCodec.Reading.forged),
        ("SRS0=XX=AA=far.example=bob@ours.example", .forged), ("SRS0=a=b=c@ours.example", .none),
        ("SRS0=====@ours.example", .none), ("SRS1=XXXXXX=far.example==a=b=c=d@ours.example", .forged),
        ("SRS1=a=b@ours.example", .none), ("bob@ours.example", .none),
        ("SRS0=a=b=far.example=bob@other.example", .none),
        ("SRS0@ours.example", .none), ("SRS0+XXXX=AA=far.example=bob@ours.example", .forged),
    ])
    func whatIsNotOursIsSeen(_ text: String, _ reading: SRSCodec.Reading) throws {
        #expect(try codec().reverse(try address(text), at: now) == reading)
    }

    @Test func anAddressThatWouldBeTooLongIsLeftAlone() throws {
        let long = String(repeating: "x", count: 64) + "@" + String(repeating: "y.", count: 90) + "example"
        #expect(try codec().forward(try address(long), at: now) == nil)
        let name = try #require(DomainName("a.example"))
        #expect(SRSCodec(domain: name, secrets: [], validDays: 1) == nil)
    }
}
