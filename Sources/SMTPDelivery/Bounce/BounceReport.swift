package import Blobs
import MailMessage
package import MailSyntax
package import OutboundQueue
package import SQLEngine

/// What the sender of a message must hear: recipients that failed for good, or that take long.
package struct BounceReport: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// Given up on the peer's word.
        case failed
        /// Given up because the time was over.
        case expired
        /// Not given up yet.
        case delayed
        /// In a mailbox here, or taken by an LMTP server.
        case delivered
        /// Taken by a host that does not report.
        case relayed
        /// An alias that stands for several, to whom the message goes on.
        case expanded
    }

    package struct Failure: Sendable, Hashable {
        package var recipient: QueuedRecipient
        package var reply: DeliveryReply
        package var outcome: Outcome
        /// The last attempt.
        package var at: Timestamp

        package init(recipient: QueuedRecipient, reply: DeliveryReply, outcome: Outcome, at: Timestamp) {
            self.recipient = recipient
            self.reply = reply
            self.outcome = outcome
            self.at = at
        }
    }

    package var message: QueuedMessage
    /// The reverse-path of the message; the bounce itself has the null one.
    package var sender: EmailAddress
    /// At least one.
    package var failures: [Failure]

    /// Somebody is still being tried, nobody was given up.
    package var isOnlyDelay: Bool { failures.allSatisfy { $0.outcome == .delayed } }

    /// Somebody was given up.
    package var tellsFailure: Bool { failures.contains { $0.outcome == .failed || $0.outcome == .expired } }

    package init(message: QueuedMessage, sender: EmailAddress, failures: [Failure]) {
        self.message = message
        self.sender = sender
        self.failures = failures
    }
}

/// Takes bounces.
package protocol BounceSink: Sendable {
    /// Returns when the bounce is durable: true, it is in a mailbox or in the queue; false, nobody is there to have it.
    func bounce(_ report: BounceReport) async throws -> Bool
    /// The bounce as a part of another write; nil when nobody is there to have it.
    func part(_ report: BounceReport) async throws -> CommitPart?
}

/// The message that is reported on.
struct OriginalText {
    /// Octets.
    let size: Int
    /// Reads some of them. Blocks on the disk.
    let read: (Range<Int>) throws -> [UInt8]
}

/// Writes the report that goes to the sender.
package struct BounceComposer: Sendable {
    /// Who reports.
    package let reportingMTA: DomainName
    /// Octets up to which a message is given back whole; asked for each report.
    package let wholeMessageLimit: @Sendable () -> Int

    package init(reportingMTA: DomainName, wholeMessageLimit: @escaping @Sendable () -> Int = { 50_000 }) {
        self.reportingMTA = reportingMTA
        self.wholeMessageLimit = wholeMessageLimit
    }

    /// The report as a whole message, to be sent with the null reverse-path. Blocks on the disk.
    /// - Parameters:
    ///   - id: of the report.
    ///   - reader: the message that is reported on; nil when it can't be read.
    package func compose(_ report: BounceReport, id: MailID, reader: BlobReader?, at now: Timestamp) -> [UInt8] {
        compose(report, id: id, original: reader.map { OriginalText(size: $0.size, read: $0.read) }, at: now)
    }

    func compose(_ report: BounceReport, id: MailID, original: OriginalText?, at now: Timestamp) -> [UInt8] {
        var notification = DeliveryStatusNotification(
            id: id,
            reportingMTA: reportingMTA,
            to: report.sender,
            date: now,
            recipients: report.failures.map { recipient($0, of: report.message) },
            returned: returned(report, original),
            queueID: report.message.id,
            originalEnvelopeID: report.message.envelopeID,
            arrivalDate: report.message.createdAt
        )
        notification.futureReleaseRequest = report.message.futureRelease
        return notification.render()
    }

    private func recipient(
        _ failure: BounceReport.Failure,
        of message: QueuedMessage
    ) -> DeliveryStatusNotification.Recipient {
        let reply = failure.reply
        let isReply = reply.code != nil
        let isDelayed = failure.outcome == .delayed
        let isExpired = failure.outcome == .expired
        let (action, severity) = Self.action(failure.outcome)
        // RFC 3464 §2.3.4: what was given up after its time has a permanent status, 5.4.7 (RFC 3463 §3.5).
        let status =
            isExpired
            ? EnhancedStatusCode(5, 4, 7)
            : EnhancedStatusCode(severity, reply.status.subject, reply.status.detail)
        return DeliveryStatusNotification.Recipient(
            finalRecipient: failure.recipient.address,
            action: action,
            status: status,
            originalRecipient: failure.recipient.originalRecipient,
            remoteMTA: isReply ? reply.host.map(Self.hostName) : nil,
            diagnosticCode: reply.code.map { "\($0) \(reply.status) \(reply.text)" },
            explanation: isExpired ? "given up after repeated attempts: \(reply.text)" : reply.text,
            lastAttempt: failure.at,
            willRetryUntil: isDelayed ? message.expiresAt : nil
        )
    }

    /// With the first digit of the status. // RFC 3464 §2.3.4
    private static func action(
        _ outcome: BounceReport.Outcome
    ) -> (action: DeliveryStatusNotification.Action, severity: Int) {
        switch outcome {
        case .failed, .expired: (.failed, 5)
        case .delayed: (.delayed, 4)
        case .delivered: (.delivered, 2)
        case .relayed: (.relayed, 2)
        case .expanded: (.expanded, 2)
        }
    }

    /// The name of `mx.example.org[192.0.2.1]:2525`; of a host without a name, its address literal.
    private static func hostName(_ host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return host.split(separator: "[").first.map(String.init) ?? host
    }

    private func returned(_ report: BounceReport, _ original: OriginalText?) -> DeliveryStatusNotification.Returned {
        guard let original else { return .nothing }
        // RFC 3461 §4.3: a report without a failure gives back the header alone.
        // RFC 3030 §3: a report is text, where binary content has no place.
        let isBinary = report.message.bodyType == .binaryMIME
        let wantsHeader =
            // RFC 8689 §5
            report.message.tlsDemand == .required || report.message.dsnReturn == .headers || !report.tellsFailure
            || isBinary
            || original.size > wholeMessageLimit()
        guard let bytes = try? original.read(0..<min(original.size, wantsHeader ? 65_536 : original.size)) else {
            return .nothing
        }
        return wantsHeader ? .header(Array(MessageContent.header(of: bytes))) : .message(bytes)
    }
}
