package import MailSyntax

/// What the seal of a stranger's message that leaves again is to say. // RFC 8617 §5.1
///
/// It was found when the message came in, and is kept beside it: what stands in its header anybody may have written.
package struct QueuedSeal: Sendable, Hashable {
    /// Whose key seals.
    package var domain: DomainName
    /// What was found of the chain of seals, as `cv=` says it; nil where nobody looked.
    package var chain: String?
    /// What was found of the message, as the value of Authentication-Results.
    package var results: String

    package init(domain: DomainName, chain: String?, results: String) {
        self.domain = domain
        self.chain = chain
        self.results = results
    }
}
