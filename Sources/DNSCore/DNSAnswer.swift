package import MailSyntax

/// Records that exist: a positive answer. Absence and failure are ``DNSFailure``.
package struct DNSAnswer: Sendable, Hashable {
    /// At least one record, in the order of the answer; records whose data could not be read are left out.
    package var records: [DNSRecord]
    /// The answer was validated by DNSSEC from a trust anchor down.
    package var secure: Bool
    /// How long the answer may be kept.
    package var timeToLive: Duration
    /// Where a chain of CNAMEs ended, in presentation form without the final dot; nil when there was none.
    package var canonicalName: String?

    package init(
        records: [DNSRecord],
        secure: Bool = false,
        timeToLive: Duration = .zero,
        canonicalName: String? = nil
    ) {
        self.records = records
        self.secure = secure
        self.timeToLive = timeToLive
        self.canonicalName = canonicalName
    }

    /// The addresses of A and AAAA records.
    package var addresses: [IPAddress] {
        records.compactMap { record in
            if case .address(let address) = record { return address }
            return nil
        }
    }

    package var mailExchanges: [MailExchange] {
        records.compactMap { record in
            if case .mailExchange(let exchange) = record { return exchange }
            return nil
        }
    }

    /// The TXT records, each with its strings joined without a separator.
    package var texts: [[UInt8]] {
        records.compactMap { record in
            if case .text(let text) = record { return text }
            return nil
        }
    }

    /// The targets of PTR, CNAME and NS records.
    package var names: [String] {
        records.compactMap { record in
            switch record {
            case .pointer(let name), .canonicalName(let name), .nameServer(let name): name
            default: nil
            }
        }
    }

    package var tlsAssociations: [TLSAssociation] {
        records.compactMap { record in
            if case .tlsAssociation(let association) = record { return association }
            return nil
        }
    }

    package var authorizations: [CertificateAuthorization] {
        records.compactMap { record in
            if case .authorization(let authorization) = record { return authorization }
            return nil
        }
    }
}

/// Why a question has no records. What is temporary must never be taken for an answer.
package enum DNSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name does not exist (NXDOMAIN).
    case nonexistentName(secure: Bool)
    /// The name exists without records of this type (NODATA).
    case noData(secure: Bool)
    /// The name can't be asked for: a label or the whole is too long or empty.
    case invalidName
    /// No answer in time.
    case timeout
    /// The servers answered with this response code (SERVFAIL 2, REFUSED 5 …).
    case serverFailure(rcode: Int)
    /// DNSSEC validation failed.
    case bogus(String)
    /// Records came, but none could be read.
    case malformed
    /// Too many questions are in flight.
    case overloaded
    /// The resolver itself can't work; the text says why.
    case unavailable(String)
    /// The task that asked was cancelled.
    case cancelled

    /// Whether asking again later may give another result.
    package var isTemporary: Bool {
        switch self {
        case .nonexistentName, .noData, .invalidName: false
        case .timeout, .serverFailure, .bogus, .malformed, .overloaded, .unavailable, .cancelled: true
        }
    }

    /// The name surely has no records of the type.
    package var isAbsence: Bool {
        switch self {
        case .nonexistentName, .noData: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .nonexistentName: "name does not exist"
        case .noData: "no such record"
        case .invalidName: "invalid name"
        case .timeout: "timed out"
        case .serverFailure(let rcode): "server failure (rcode \(rcode))"
        case .bogus(let reason): "DNSSEC validation failed: \(reason)"
        case .malformed: "malformed records"
        case .overloaded: "too many questions in flight"
        case .unavailable(let reason): "resolver unavailable: \(reason)"
        case .cancelled: "cancelled"
        }
    }
}
