package import MailSyntax

/// Answers one DNS question.
///
/// Following CNAMEs is the resolver's work. A cancelled task gets ``DNSFailure/cancelled``.
package protocol DNSResolver: Sendable {
    /// Asks for the records of a name.
    /// - Parameter name: presentation form in A-labels, with or without the final dot.
    func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure>
}

extension DNSResolver {
    package func resolve(_ name: DomainName, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        await resolve(name.ascii, type)
    }
}
