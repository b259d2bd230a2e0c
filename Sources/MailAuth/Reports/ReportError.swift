/// Why something that came as a report is not taken.
///
/// `description` is fit for a log line and a terminal: what a stranger wrote stands in it cleaned and cut.
package struct ReportError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, Codable {
        /// Neither gzip, zip, XML nor JSON.
        case notAReport = "not-a-report"
        /// The compressed form is broken or ends early.
        case brokenArchive = "broken-archive"
        /// More than a limit allows; what looks like a bomb too.
        case tooLarge = "too-large"
        /// Not well-formed, or with what no report has, such as entities.
        case malformed
        /// A value that is missing or makes no sense.
        case invalid
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// A stranger's text for an error: printable ASCII, at most 64 characters.
    static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(64).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }
        return "\"\(String(String.UnicodeScalarView(shown)))\""
    }
}

/// How much of a report is read. The numbers are far above what reporters send: a day of a large provider's report for a
/// domain with a thousand sources has half a megabyte of XML.
package struct ReportLimits: Sendable, Hashable {
    /// Octets of the attachment, compressed or not.
    package var packed = 16 << 20
    /// Octets after decompression.
    package var unpacked = 64 << 20
    /// Octets out for one octet in. XML of many alike rows comes near 100; DEFLATE's own end is 1032.
    package var ratio = 300
    /// Below so many octets the ratio is not looked at.
    package var ratioFree = 1 << 20
    /// Rows of a DMARC report.
    package var rows = 100_000
    /// Policies of a TLS report.
    package var policies = 10_000
    /// Failure details of a TLS report, all policies together.
    package var failures = 100_000
    /// Octets of a TLS report, which is read as a whole.
    package var json = 8 << 20
    /// Octets of one text.
    package var text = 1024
    /// Elements inside each other.
    package var depth = 32
    /// DKIM results, SPF results and reasons of one row, each.
    package var results = 100
    /// Octets of a name of an element or attribute.
    package var name = 128

    package init() {}
}
