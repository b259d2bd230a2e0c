/// What a domain's owner would have done with mail that fails.
package enum DMARCPolicy: String, Sendable, Hashable, CaseIterable, Comparable {
    case none
    case quarantine
    case reject

    private var severity: Int {
        switch self {
        case .none: 0
        case .quarantine: 1
        case .reject: 2
        }
    }

    package static func < (a: DMARCPolicy, b: DMARCPolicy) -> Bool { a.severity < b.severity }

    /// What is applied while the owner is testing: one level less.
    package var whileTesting: DMARCPolicy {
        switch self {
        case .none, .quarantine: .none
        case .reject: .quarantine
        }
    }
}

/// How like the author's domain an authenticated one has to be.
package enum DMARCAlignment: String, Sendable, Hashable {
    /// Of the same organization.
    case relaxed = "r"
    /// The same.
    case strict = "s"
}

/// What a domain says of its place among public suffixes.
package enum PublicSuffixFlag: String, Sendable, Hashable {
    /// Organizations register below it.
    case suffix = "y"
    /// It is an organization's own.
    case organization = "n"
    case unknown = "u"
}
