import Archives
import Blobs
import Directory
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import SQLEngine
import Synchronization
import Testing

@testable import MailAuth
@testable import ReportInbox

/// A mail store whose postmaster of `example.org` is ann, with a receiver that follows it.
struct InboxFixture {
    let state: StoreFixture
    let directory: Directory
    let mail: MailStore
    let reports: ReportStore
    let receiver: ReportReceiver
    let ann: AccountID
    let bob: AccountID
    let events = EventList()

    init(limits: ReportLimits = ReportLimits()) async throws {
        state = try StoreFixture(
            migrations: DirectorySchema.migrations + MailStoreSchema.migrations + ReportInboxSchema.migrations)
        state.clock.advance(by: Timestamp(seconds: 1_763_600_000).since(state.clock.now()))
        directory = try await Directory(database: state.database, clock: state.clock)
        mail = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock)
        let domain = try #require(DomainName("example.org"))
        let address = try #require(EmailAddress("ann@example.org"))
        let other = try #require(EmailAddress("bob@example.org"))
        try await directory.addDomain(domain, postmaster: address, keys: [], author: "test")
        ann = try await directory.addAccount(address, name: nil, quota: nil, author: "test").id
        bob = try await directory.addAccount(other, name: nil, quota: nil, author: "test").id
        for account in [ann, bob] { try await mail.prepareAccount(account) }
        reports = ReportStore(database: state.database)
        receiver = Self.receiver(mail, directory, reports, state.clock, events, limits)
        let receiver = receiver
        mail.follow { receiver.delivered($0, $1) }
        try await receiver.catchUp()
    }

    static func receiver(
        _ mail: MailStore, _ directory: Directory, _ reports: ReportStore, _ clock: ManualClock, _ events: EventList,
        _ limits: ReportLimits = ReportLimits()
    ) -> ReportReceiver {
        ReportReceiver(
            mail: mail, directory: directory, store: reports, clock: clock, limits: limits,
            settings: { ReportReceiver.Settings(host: "mx.example.org") }, tell: { events.add($0) })
    }

    /// A receiver that begins anew, as after a crash.
    func restarted() -> ReportReceiver {
        mail.follow(nil)
        return Self.receiver(mail, directory, reports, state.clock, events)
    }

    func deliver(_ message: String, to account: AccountID? = nil) async throws {
        let account = account ?? ann
        let bytes = Array(message.utf8)
        let inbox = try await mail.inbox(account)
        state.clock.advance(by: .seconds(1))
        _ = try await mail.append(
            account, to: inbox,
            messages: [
                NewMessage(
                    content: .bytes(bytes), index: MessageIndex(scanning: bytes), internalDate: state.clock.now())
            ])
    }

    func question(isFailing: Bool = false) -> ReportQuestion {
        ReportQuestion(
            since: Timestamp(seconds: 0), until: Timestamp(seconds: 4_000_000_000), isFailing: isFailing)
    }

    func listed() async throws -> [ReportListing] { try await reports.list(question(), limit: 100) }
}

final class EventList: Sendable {
    private struct Events {
        var all: [String] = []
    }

    private let events = Mutex(Events())

    func add(_ event: ReportEvent) {
        let text =
            switch event {
            case .filed(let report, let sender, let trust):
                "\(report.isKnown ? "known" : "filed") \(report.reportID) \(sender) \(trust.word)"
            case .refused(let sender, let error): "refused \(sender): \(error.code.rawValue)"
            case .failed(let error): "failed \(error)"
            }
        events.withLock { $0.all.append(text) }
    }

    /// What was told since the last call.
    func take() -> [String] {
        events.withLock { events in
            defer { events.all = [] }
            return events.all
        }
    }
}

enum Samples {
    static func dmarc(
        id: String = "r1", domain: String = "example.org", organization: String = "big.example", extra: String = "",
        prolog: String = "<?xml version='1.0'?>"
    ) -> String {
        """
        \(prolog)<feedback><report_metadata><org_name>\(organization)</org_name><email>d@big.example</email>
        <report_id>\(id)</report_id><date_range><begin>1763510400</begin><end>1763596799</end></date_range>
        </report_metadata><policy_published><domain>\(domain)</domain><p>reject</p><sp>none</sp></policy_published>
        \(record(source: "192.0.2.25", count: 40, dkim: "pass", spf: "pass", spfDomain: "example.org"))
        \(record(source: "198.51.100.7", count: 5, dkim: "fail", spf: "fail", spfDomain: "bounces.example.net"))
        \(record(source: "203.0.113.9", count: 12, dkim: "fail", spf: "fail", disposition: "reject", spfDomain: ""))
        \(extra)</feedback>
        """
    }

    static func record(
        source: String, count: Int, dkim: String, spf: String, disposition: String = "none", spfDomain: String
    ) -> String {
        let result = spfDomain.isEmpty ? "softfail" : "pass"
        let domain = spfDomain.isEmpty ? "spam.example" : spfDomain
        return """
            <record><row><source_ip>\(source)</source_ip><count>\(count)</count><policy_evaluated>
            <disposition>\(disposition)</disposition><dkim>\(dkim)</dkim><spf>\(spf)</spf></policy_evaluated></row>
            <identifiers><header_from>example.org</header_from></identifiers><auth_results>
            <spf><domain>\(domain)</domain><scope>mfrom</scope><result>\(result)</result></spf></auth_results></record>
            """
    }

    static let tls = """
        {"organization-name": "Company-X", "contact-info": "sts@company-x.example", "report-id": "t1",
         "date-range": {"start-datetime": "2025-11-19T00:00:00Z", "end-datetime": "2025-11-19T23:59:59Z"},
         "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1"],
             "policy-domain": "example.org", "mx-host": ["mx.example.org"]},
           "summary": {"total-successful-session-count": 50, "total-failure-session-count": 3},
           "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 3,
             "receiving-mx-hostname": "mx.example.org"}]}]}
        """

    /// A message that brings one attachment.
    static func message(
        _ content: [UInt8], type: String = "application/gzip", name: String = "big.example!example.org!1!2.xml.gz",
        results: String? = "mx.example.org; dkim=pass header.d=big.example", from: String = "d@big.example"
    ) -> String {
        let field = results.map { "Authentication-Results: \($0)\r\n" } ?? ""
        return """
            \(field)From: \(from)\r
            To: postmaster@example.org\r
            Subject: Report Domain: example.org Submitter: big.example Report-ID: 1\r
            MIME-Version: 1.0\r
            Content-Type: multipart/mixed; boundary=b\r
            \r
            --b\r
            Content-Type: text/plain\r
            \r
            A report.\r
            --b\r
            Content-Type: \(type); name="\(name)"\r
            Content-Transfer-Encoding: base64\r
            Content-Disposition: attachment; filename="\(name)"\r
            \r
            \(Base64.encode(content, lineLength: 76))\r
            --b--\r

            """
    }

    static func zipped(_ text: String) throws -> [UInt8] { try GzipEncoder.compress(Array(text.utf8)) }
}
