/// Why a session was not as secure as the destination asks. // RFC 8460 §4.3
package enum TLSReportFailure: String, Sendable, Hashable, CaseIterable {
    // RFC 8460 §4.3.1
    case startTLSNotSupported = "starttls-not-supported"
    case certificateHostMismatch = "certificate-host-mismatch"
    case certificateExpired = "certificate-expired"
    case certificateNotTrusted = "certificate-not-trusted"
    case validationFailure = "validation-failure"
    // RFC 8460 §4.3.2.1
    case tlsaInvalid = "tlsa-invalid"
    case dnssecInvalid = "dnssec-invalid"
    case daneRequired = "dane-required"
    // RFC 8460 §4.3.2.2
    case policyFetchError = "sts-policy-fetch-error"
    case policyInvalid = "sts-policy-invalid"
    case webPKIInvalid = "sts-webpki-invalid"
}

/// Which kind of policy a session was held to. // RFC 8460 §4.4
package enum TLSReportPolicyType: String, Sendable, Hashable, CaseIterable {
    case tlsa
    case sts
    case none = "no-policy-found"
}
