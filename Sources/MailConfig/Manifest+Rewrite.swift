package import MailSyntax

extension Manifest {
    /// Where a rewrite applies.
    package enum RewriteClass: String, Sendable, Hashable, CaseIterable {
        case envelopeSender = "envelope_sender"
        case envelopeRecipient = "envelope_recipient"
        case headerSender = "header_sender"
        case headerRecipient = "header_recipient"
    }

    /// Changes of addresses and header fields, in the order of a message's way.
    package struct Rewrite: Sendable, Equatable {
        package enum HeaderClients: String, Sendable, CaseIterable {
            /// Logins, trusted networks, devices, `sendmail`, bounces.
            case own
            case all
            case none
        }

        /// Put behind `@` of addresses and table results without a domain; nil: `server.hostname`.
        package var origin: DomainName?
        /// Whose header fields are rewritten.
        package var headerClients = HeaderClients.own
        package var senderCanonical: [TableSource] = []
        package var recipientCanonical: [TableSource] = []
        package var canonical: [TableSource] = []
        package var canonicalClasses = Set(RewriteClass.allCases)
        package var masquerade = Masquerade()
        package var alwaysBCC: EmailAddress?
        package var senderBCC: [TableSource] = []
        package var recipientBCC: [TableSource] = []
        package var virtual: [TableSource] = []
        package var headerChecks: [TableSource] = []
        /// For the headers of parts, and for the fields of MIME wherever they stand; nil: those of `headerChecks`.
        package var mimeHeaderChecks: [TableSource]?
        /// For the headers of attached messages; nil: those of `headerChecks`.
        package var nestedHeaderChecks: [TableSource]?
        /// On the way out only, never for mail that is kept here.
        package var generic: [TableSource] = []
        package var sendingHeaderChecks: [TableSource] = []
        /// Tables whose results get back the `+ext` that the key was found without.
        package var propagateExtensions: Set<TablePurpose> = [
            .canonical, .senderCanonical, .recipientCanonical, .virtual,
        ]
        package var srs: SRS?
    }

    package struct Masquerade: Sendable, Equatable {
        package struct Domain: Sendable, Hashable {
            package var domain: DomainName
            /// `!example.org`: it and the domains below it stay as they are.
            package var isException: Bool

            package init(domain: DomainName, isException: Bool = false) {
                self.domain = domain
                self.isException = isException
            }
        }

        /// From left to right, the first that matches ends the search.
        package var domains: [Domain] = []
        /// Local parts that stay.
        package var exceptions: [String] = []
        package var classes: Set<RewriteClass> = [.envelopeSender, .headerSender, .headerRecipient]
    }

    /// The Sender Rewriting Scheme, for mail that an alias sends on.
    package struct SRS: Sendable, Hashable {
        /// A hosted domain, or one whose mail comes here.
        package var domain: DomainName
        /// The key new addresses are made with; later lines are older keys that still verify.
        package var secret: SecretSource
        /// How long an address takes bounces. Whole days.
        package var validity: Duration

        package init(domain: DomainName, secret: SecretSource, validity: Duration = .seconds(21 * 86400)) {
            self.domain = domain
            self.secret = secret
            self.validity = validity
        }
    }
}
