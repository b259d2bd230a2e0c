import Testing

@testable import MailAuth

/// Records as they are published, and as they are published by mistake.
@Suite struct DMARCRecordTests {
    private static func read(_ text: String) -> DMARCRecord? { DMARCRecord(parsing: Array(text.utf8)) }

    @Test func `a whole record is read`() throws {
        let record = try #require(
            Self.read(
                "v=DMARC1; p=reject; sp=quarantine; np=reject; t=y; psd=n; adkim=s; aspf=s; fo=d:s;"
                    + " rua=mailto:a@example.org,mailto:b@example.net; ruf=mailto:c@example.org;"))
        #expect(record.policy == .reject)
        #expect(record.subdomainPolicy == .quarantine)
        #expect(record.nonexistentPolicy == .reject)
        #expect(record.isTesting)
        #expect(record.publicSuffix == .organization)
        #expect(record.dkimAlignment == .strict && record.spfAlignment == .strict)
        #expect(record.aggregateURIs == ["mailto:a@example.org", "mailto:b@example.net"])
        #expect(record.failureURIs == ["mailto:c@example.org"])
        #expect(record.failureOptions == ["d", "s"])
        #expect(record.remarks.isEmpty && !record.hasInvalidPolicy)
    }

    @Test(arguments: [
        "", "v=DMARC1p=none", "v=DMARC2; p=none", "v=dmarc1; p=none", "p=none; v=DMARC1", "; v=DMARC1; p=none",
        "v=spf1 -all", "DMARC1; p=reject", "v=; p=none", "v=DMARC1\u{e9}; p=none",
    ])
    func `what does not begin with the version is no record`(text: String) {
        #expect(Self.read(text) == nil)
    }

    @Test(arguments: [
        "v=DMARC1", "v=DMARC1;", "v = DMARC1 ; p = none", " v=DMARC1;p=none;", "V=DMARC1; P=None",
        "v=DMARC1;\tp=none  ",
    ])
    func `blanks, case of tags and a missing p are no matter`(text: String) throws {
        let record = try #require(Self.read(text))
        #expect(record.policy == nil || record.policy == DMARCPolicy.none)
        #expect(!record.hasInvalidPolicy)
    }

    @Test func `removed and unknown tags are remarked on and have no effect`() throws {
        let record = try #require(Self.read("v=DMARC1; p=quarantine; pct=50; rf=afrf; ri=86400; bimi=x; ;"))
        #expect(record.policy == .quarantine)
        for tag in ["pct", "rf", "ri"] {
            #expect(record.remarks.contains("the tag \(tag) was removed from DMARC and has no effect"))
        }
        #expect(record.remarks.contains("the tag bimi is unknown and has no effect"))
        #expect(record.remarks.count == 4)
    }

    @Test func `what can't be read has its default`() throws {
        let record = try #require(
            Self.read("v=DMARC1; p=none; adkim=strict; aspf=x; t=maybe; psd=1; fo=z; rubbish; =x; p=reject"))
        #expect(record.policy == DMARCPolicy.none)
        #expect(record.dkimAlignment == .relaxed && record.spfAlignment == .relaxed)
        #expect(!record.isTesting && record.publicSuffix == .unknown && record.failureOptions == ["0"])
        #expect(record.remarks.contains("the tag p is written more than once; the first holds"))
    }

    @Test(arguments: ["0:1", "1:d:0", "", ":", "0:x"])
    func `options of failure reports that contradict each other are none`(options: String) throws {
        let record = try #require(Self.read("v=DMARC1; p=none; fo=\(options); ruf=mailto:a@example.org"))
        #expect(record.failureOptions == ["0"])
    }

    @Test func `a policy that is none of the three is known as such`() throws {
        #expect(try #require(Self.read("v=DMARC1; p=deny")).hasInvalidPolicy)
        #expect(try #require(Self.read("v=DMARC1; p=none; sp=deny")).hasInvalidPolicy)
        #expect(try #require(Self.read("v=DMARC1; p=none; np=")).hasInvalidPolicy == false)
    }

    @Test func `report addresses that are no URIs are left out`() throws {
        let record = try #require(
            Self.read(
                "v=DMARC1; rua=dmarc@example.org, mailto:a@example.org!10m, mailto:,"
                    + " https://r.example/x, mailto:x"))
        #expect(record.aggregateURIs == ["mailto:a@example.org", "https://r.example/x"])
        #expect(record.remarks.contains { $0.hasPrefix("the size limit") })
    }

    @Test func `a record of any size is read in bounds`() {
        let long = "v=DMARC1; p=reject; " + String(repeating: "x=y; ", count: 20_000)
        #expect(Self.read(long) == nil)
        let many = "v=DMARC1; rua=" + String(repeating: "mailto:a@b.example,", count: 3000)
        #expect((Self.read(many)?.aggregateURIs.count ?? 0) <= 100)
    }

    @Test func `testing lowers a policy by one level`() {
        #expect(DMARCPolicy.reject.whileTesting == .quarantine)
        #expect(DMARCPolicy.quarantine.whileTesting == .none)
        #expect(DMARCPolicy.none.whileTesting == .none)
    }
}
