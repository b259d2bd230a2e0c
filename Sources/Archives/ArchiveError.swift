/// Why something compressed is not unpacked.
package struct ArchiveError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// Ends early, or contradicts itself.
        case broken
        /// More comes out of it than is allowed.
        case tooLarge
        /// A form that is not read: encrypted, several files, zip64 …
        case unsupported
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// How much may come out of what a stranger compressed.
package struct ArchiveLimits: Sendable, Hashable {
    /// Octets out.
    package var output: Int
    /// Octets out for one octet in; DEFLATE's own end is 1032.
    package var ratio: Int
    /// Up to so many octets out the ratio is not looked at.
    package var ratioFree: Int

    package init(output: Int, ratio: Int = 300, ratioFree: Int = 1 << 20) {
        self.output = output
        self.ratio = ratio
        self.ratioFree = ratioFree
    }
}
