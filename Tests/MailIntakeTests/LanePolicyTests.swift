import MailIntake
import OutboundQueue
import Testing

@Suite("Lanes")
struct LanePolicyTests {
    @Test(
        "Bulk mail says so in its header",
        arguments: [
            ("Subject: hello\r\nFrom: a@b\r\n", QueueLane.interactive), ("List-ID: <x>\r\n", .bulk),
            ("Subject: x\r\nlist-unsubscribe: <mailto:a@b>\r\n", .bulk), ("Precedence:  Bulk \r\n", .bulk),
            ("PRECEDENCE: junk\n", .bulk), ("Precedence: first-class\r\n", .interactive),
            ("Subject: x\r\n List-Id: folded\r\n", .interactive), ("List-Post", .interactive), ("", .interactive),
            ("\r\n\r\n", .interactive), ("P", .interactive), ("L:", .interactive),
        ])
    func header(_ test: (header: String, lane: QueueLane)) {
        #expect(LanePolicy().lane(header: Array(test.header.utf8), recipients: 1, login: nil) == test.lane)
    }

    @Test("Many recipients are bulk, and so is everything of some logins")
    func others() {
        let policy = LanePolicy(bulkRecipients: 3, bulkLogins: ["News@example.org"])
        #expect(policy.lane(header: [], recipients: 2, login: "ann@example.org") == .interactive)
        #expect(policy.lane(header: [], recipients: 3, login: nil) == .bulk)
        #expect(policy.lane(header: [], recipients: 1, login: "news@EXAMPLE.org") == .bulk)
    }
}
