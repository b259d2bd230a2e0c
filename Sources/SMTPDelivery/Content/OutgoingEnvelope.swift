package import MailPolicy
package import MailSyntax
package import OutboundQueue

/// The addresses that the next host hears, where generic addresses make them others than the queue's.
///
/// Queue, reports and logs go on naming the ones that people here know.
package struct OutgoingEnvelope: Sendable {
    private let sender: ReversePath
    private let recipients: [RecipientID: EmailAddress]
    /// How each recipient became another.
    private let steps: [RecipientID: [TraceStep]]

    package init(
        sender: ReversePath, recipients: [RecipientID: EmailAddress], steps: [RecipientID: [TraceStep]] = [:]
    ) {
        self.sender = sender
        self.recipients = recipients
        self.steps = steps
    }

    package func steps(of recipient: RecipientID) -> [TraceStep] { steps[recipient] ?? [] }

    func address(of recipient: QueuedRecipient) -> EmailAddress { recipients[recipient.id] ?? recipient.address }
    var reversePath: ReversePath { sender }
}

extension MessageContent {
    /// The reverse-path that is said.
    func reversePath(of message: QueuedMessage) -> ReversePath { envelope?.reversePath ?? message.reversePath }

    /// The address that is said.
    func address(of recipient: QueuedRecipient) -> EmailAddress {
        envelope?.address(of: recipient) ?? recipient.address
    }
}
