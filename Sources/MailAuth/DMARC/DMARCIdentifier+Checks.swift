// What SPF and DKIM have found, as DMARC goes by it.
extension DMARCIdentifier {
    /// nil where there was no domain to check.
    package init?(_ spf: SPFResult) {
        guard let domain = spf.domain else { return nil }
        let outcome: Outcome =
            switch spf.verdict {
            case .pass: .pass
            case .temperror: .temporaryError
            case .none, .neutral, .fail, .softfail, .permerror: .fail
            }
        self.init(.spf, domain, outcome)
    }

    /// nil where the signature can't be read. One that does not pass, for whatever reason, proves nothing.
    package init?(_ verified: VerifiedDKIMSignature) {
        guard let domain = verified.signature?.domain else { return nil }
        let outcome: Outcome =
            switch verified.result {
            case .pass: .pass
            case .temporaryError: .temporaryError
            case .fail, .policy, .permanentError: .fail
            }
        self.init(.dkim, domain, outcome)
    }
}
