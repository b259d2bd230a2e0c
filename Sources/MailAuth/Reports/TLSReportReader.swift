import FoundationEssentials
package import MailSyntax

/// Reads a TLS report's JSON. // RFC 8460 §4.4
package enum TLSReportReader {
    /// JSON values inside each other; a report has seven.
    static let maximumDepth = 16
    /// Sessions that one entry may count.
    static let maximumCount = 1_000_000_000_000
    /// Seconds that a report may be about.
    static let maximumSpan: Int64 = 32 * 86400

    /// What a report says, checked.
    package struct Reading: Sendable {
        package var report: TLSReport
        package var begin: Timestamp
        package var end: Timestamp
    }

    /// - Parameters:
    ///   - document: the whole JSON.
    ///   - now: dates after it, by more than two days, are refused.
    package static func read(
        _ document: [UInt8], limits: ReportLimits = ReportLimits(), now: Timestamp
    ) throws(ReportError) -> Reading {
        guard document.count <= limits.json else {
            throw ReportError(.tooLarge, "the JSON is longer than \(limits.json) octets")
        }
        try requireShallow(document)
        let report: TLSReport
        do {
            report = try JSONDecoder().decode(TLSReport.self, from: Data(document))
        } catch let error as DecodingError {
            throw words(error)
        } catch {
            throw ReportError(.malformed, "the JSON can't be read")
        }
        try check(report, limits)
        guard let begin = time(report.range.start), let end = time(report.range.end), begin <= end,
            begin >= DMARCReportReader.earliest, end <= now.adding(.seconds(2 * 86400)),
            end.seconds - begin.seconds <= maximumSpan
        else {
            let range = "\(ReportError.quoted(report.range.start)) to \(ReportError.quoted(report.range.end))"
            throw ReportError(.invalid, "the date-range, \(range), is none that a report can be about")
        }
        return Reading(report: report, begin: begin, end: end)
    }

    private static func time(_ text: String) -> Timestamp? {
        // RFC 3339 §5.6
        InternetTimestamp.parse(Array(text.utf8)[...])
    }

    /// Looked at before the decoder, which calls itself for each level.
    private static func requireShallow(_ document: [UInt8]) throws(ReportError) {
        var depth = 0
        var isText = false
        var isEscaped = false
        for octet in document {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if octet == 0x5C {
                    isEscaped = true
                } else if octet == 0x22 {
                    isText = false
                }
                continue
            }
            switch octet {
            case 0: throw ReportError(.malformed, "a control character (0) in the JSON")
            case 0x22: isText = true
            case 0x7B, 0x5B:
                depth += 1
                guard depth <= maximumDepth else {
                    throw ReportError(.tooLarge, "more than \(maximumDepth) values of JSON inside each other")
                }
            case 0x7D, 0x5D: depth -= 1
            default: break
            }
        }
    }

    private static func words(_ error: DecodingError) -> ReportError {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            return ReportError(.invalid, "the JSON has no \(path(context.codingPath + [key]))")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return ReportError(.invalid, "the JSON has something else than wanted at \(path(context.codingPath))")
        case .dataCorrupted(let context):
            guard context.codingPath.isEmpty else {
                return ReportError(.invalid, "the JSON's \(path(context.codingPath)) can't be read")
            }
            return ReportError(.malformed, "the JSON is not well-formed, not UTF-8, or has a number that no report has")
        @unknown default: return ReportError(.malformed, "the JSON can't be read")
        }
    }

    private static func check(_ report: TLSReport, _ limits: ReportLimits) throws(ReportError) {
        guard !report.reportID.isEmpty else { throw ReportError(.invalid, "the report has no report-id") }
        try bound([report.organization ?? "", report.contact ?? "", report.reportID], limits)
        guard report.policies.count <= limits.policies else {
            throw ReportError(.tooLarge, "the report has more than \(limits.policies) policies")
        }
        guard !report.policies.isEmpty else { throw ReportError(.invalid, "the report has no policies") }
        var left = limits.failures
        var total = 0
        for (index, result) in report.policies.enumerated() {
            let place = "policy \(index + 1)"
            guard DomainName(result.policy.domain) != nil else {
                throw ReportError(
                    .invalid, "\(place): policy-domain is \(ReportError.quoted(result.policy.domain)), not a domain")
            }
            guard result.policy.text.count <= 100, result.policy.hosts.count <= 100 else {
                throw ReportError(.tooLarge, "\(place) has too many lines")
            }
            try bound([result.policy.type] + result.policy.text + result.policy.hosts, limits)
            left -= result.failures.count
            guard left >= 0 else {
                throw ReportError(.tooLarge, "the report has more than \(limits.failures) failure-details")
            }
            try add(result.summary.successes, &total, place)
            try add(result.summary.failures, &total, place)
            for failure in result.failures {
                var one = 0
                try add(failure.sessions, &one, place)
                try bound(
                    [
                        failure.type, failure.sendingAddress ?? "", failure.host ?? "", failure.hostHELO ?? "",
                        failure.receivingAddress ?? "", failure.information ?? "", failure.reason ?? "",
                    ], limits)
            }
        }
    }

    private static func add(_ count: Int, _ total: inout Int, _ place: String) throws(ReportError) {
        let (sum, isOver) = total.addingReportingOverflow(count)
        guard (0...maximumCount).contains(count), !isOver else {
            throw ReportError(.invalid, "\(place) counts \(count) sessions, which no report can count")
        }
        total = sum
    }

    private static func bound(_ texts: [String], _ limits: ReportLimits) throws(ReportError) {
        for text in texts where text.utf8.count > 4 * limits.text {
            throw ReportError(.tooLarge, "a text is longer than \(4 * limits.text) octets")
        }
    }
}
