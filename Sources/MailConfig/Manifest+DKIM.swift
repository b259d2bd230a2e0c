extension Manifest {
    /// Signing.
    package struct DKIM: Sendable, Equatable {
        /// The selector of RSA keys that are made from now on.
        package var rsaSelector = "rsa1"
        /// The selector of Ed25519 keys that are made from now on.
        package var ed25519Selector = "ed1"
        /// Bits of RSA keys that are made from now on.
        package var rsaBits = 2048
        /// How long a signature is valid; nil is unlimited (no `x=`).
        package var expire: Duration?
        /// How long the record of a key that has been replaced is wanted; nil: as `Manifest.dkimRetention` says.
        package var retireAfter: Duration?
        /// How old a signing key may be before its successor is made; nil is never.
        package var rotateEvery: Duration?
        /// How much change of header and body on the way a signature bears.
        package var canonicalization = Canonicalization.relaxedRelaxed
        /// Fields that are signed once more than they are there; nil for the usual ones.
        package var oversignedHeaders: [String]?
        /// Fields that are signed as often as they are there; nil for the usual ones.
        package var signedHeaders: [String]?
        /// What becomes of a `From` below a domain of ours that has no keys itself.
        package var subdomains = Subdomains.off
        /// OpenDKIM's table of keys, by their names.
        package var keyTable: Table?
        /// OpenDKIM's table of senders and the names of their keys.
        package var signingTable: Table?
        /// Every line of the signing table that fits signs, not the first one alone.
        package var multipleSignatures = false

        /// Of the header, then of the body.
        package enum Canonicalization: String, Sendable, CaseIterable {
            case relaxedRelaxed = "relaxed/relaxed"
            case relaxedSimple = "relaxed/simple"
            case simpleRelaxed = "simple/relaxed"
            case simpleSimple = "simple/simple"
        }

        package enum Subdomains: String, Sendable, CaseIterable {
            /// It is not signed.
            case off
            /// With the keys of the domain above, in the name of that domain.
            case parent
            /// With the keys of the domain above, in its own name: the records have to be published there too.
            case own
        }

        /// A file in OpenDKIM's format.
        package struct Table: Sendable, Hashable {
            /// An absolute path.
            package var path: String
            /// Its keys are patterns in which `*` stands for anything (`refile:`).
            package var hasPatterns: Bool

            package init(path: String, hasPatterns: Bool) {
                self.path = path
                self.hasPatterns = hasPatterns
            }
        }
    }
}
