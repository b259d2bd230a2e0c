import MailSyntax

extension DMARCReportReader {
    /// The text of an element that has no others inside.
    struct Field {
        let name: String
        let text: String
        let isCut: Bool

        /// Where a cut text would be another.
        func whole() throws(ReportError) -> String {
            guard !isCut else { throw ReportError(.tooLarge, "\(name) is too long") }
            return text
        }

        /// A word of a closed set, as it is compared.
        func word() throws(ReportError) -> String {
            let word = try whole().lowercased()
            guard word.utf8.count <= 64 else { throw ReportError(.invalid, "\(name) is not a word") }
            return word
        }

        /// nil for nothing.
        var optional: String? { text.isEmpty ? nil : text }

        func integer() throws(ReportError) -> Int64 {
            guard let number = Int64(text), !text.hasPrefix("+") else {
                throw ReportError(.invalid, "\(name) is \(ReportError.quoted(text)), not a number")
            }
            return number
        }
    }

    mutating func put(_ field: Field, _ scope: Scope) throws(ReportError) {
        switch scope {
        case .feedback: head.version = field.optional
        case .metadata: try head.putMetadata(field)
        case .range: try head.putRange(field)
        case .policy: try head.putPolicy(field)
        case .row: try record.putRow(field)
        case .evaluated: try record.putEvaluated(field)
        case .identifiers: try record.putIdentifiers(field)
        case .reason: try record.reason.put(field)
        case .dkim, .spf: try record.named.put(field)
        default: break
        }
    }

    /// What stands once in a report.
    struct Head {
        var version: String?
        private var organization: String?
        private var email: String?
        private var extraContact: String?
        private var reportID: String?
        private var begin: Int64?
        private var end: Int64?
        private var errors: [String] = []
        private var generator: String?
        private var policy = DMARCReport.PublishedPolicy(domain: "", policy: "")

        mutating func putMetadata(_ field: Field) throws(ReportError) {
            switch field.name {
            case "org_name": organization = field.optional
            case "email": email = field.optional
            case "extra_contact_info": extraContact = field.optional
            case "report_id": reportID = try field.whole()
            case "error": if errors.count < DMARCReportReader.maximumErrors { errors.append(field.text) }
            case "generator": generator = field.optional
            default: break
            }
        }

        mutating func putRange(_ field: Field) throws(ReportError) {
            switch field.name {
            case "begin": begin = try field.integer()
            case "end": end = try field.integer()
            default: break
            }
        }

        mutating func putPolicy(_ field: Field) throws(ReportError) {
            guard !field.text.isEmpty else { return }
            switch field.name {
            case "domain": policy.domain = try field.whole()
            case "discovery_method": policy.discoveryMethod = try field.word()
            case "p": policy.policy = try field.word()
            case "sp": policy.subdomainPolicy = try field.word()
            case "np": policy.nonexistentPolicy = try field.word()
            case "adkim": policy.dkimAlignment = try field.word()
            case "aspf": policy.spfAlignment = try field.word()
            case "testing": policy.testing = try field.word()
            case "fo": policy.failureOptions = try field.word()
            case "pct": policy.percent = Int(field.text).flatMap { (0...100).contains($0) ? $0 : nil }
            default: break
            }
        }

        /// - Throws: what is missing or makes no sense.
        func report(now: Timestamp) throws(ReportError) -> DMARCReport {
            guard let reportID, !reportID.isEmpty else { throw ReportError(.invalid, "the report has no report_id") }
            guard let organization = organization ?? email else {
                throw ReportError(.invalid, "the report has neither org_name nor email")
            }
            guard let begin, let end else { throw ReportError(.invalid, "the report has no date_range") }
            let times = (Timestamp(seconds: begin), Timestamp(seconds: end))
            guard begin <= end, times.0 >= DMARCReportReader.earliest, times.1 <= now.adding(.seconds(2 * 86400)),
                end - begin <= DMARCReportReader.maximumSpan
            else {
                throw ReportError(.invalid, "the date_range, \(begin) to \(end), is none that a report can be about")
            }
            guard let domain = DomainName(policy.domain) else {
                throw ReportError(.invalid, "policy_published has no domain, or not a proper one")
            }
            var published = policy
            published.domain = domain.ascii
            return DMARCReport(
                version: version,
                metadata: DMARCReport.Metadata(
                    organization: organization, email: email ?? "", extraContact: extraContact, reportID: reportID,
                    begin: times.0, end: times.1, errors: errors, generator: generator),
                policy: published)
        }
    }

    /// The record that is being read.
    struct RecordParts {
        /// A result of DKIM or SPF, or a reason: what they have is alike.
        struct Named {
            var domain = ""
            var selector: String?
            var scope: String?
            var result: String?
            var type: String?
            var human: String?

            mutating func put(_ field: Field) throws(ReportError) {
                switch field.name {
                case "domain": domain = try field.whole().lowercased()
                case "selector": selector = try field.whole()
                case "scope": scope = try field.word()
                case "result": result = try field.word()
                case "type": type = try field.word()
                case "human_result", "comment": human = field.optional
                default: break
                }
            }
        }

        private var source: IPAddress?
        private var count: Int?
        private var evaluated = DMARCReport.Evaluated(disposition: "none", dkim: "fail", spf: "fail")
        private var identifiers = DMARCReport.Identifiers(headerFrom: "")
        private var dkim: [DMARCReport.DKIM] = []
        private var spf: [DMARCReport.SPF] = []
        var named = Named()
        var reason = Named()

        mutating func putRow(_ field: Field) throws(ReportError) {
            switch field.name {
            case "source_ip":
                guard let address = IPAddress(field.text) else {
                    throw ReportError(.invalid, "source_ip is \(ReportError.quoted(field.text)), not an address")
                }
                source = address
            case "count":
                let number = try field.integer()
                guard number >= 0, number <= DMARCReportReader.maximumCount else {
                    throw ReportError(.invalid, "count is \(number), which no report can count")
                }
                count = Int(number)
            default: break
            }
        }

        mutating func putEvaluated(_ field: Field) throws(ReportError) {
            guard !field.text.isEmpty else { return }
            switch field.name {
            case "disposition": evaluated.disposition = try field.word()
            case "dkim": evaluated.dkim = try field.word() == "pass" ? "pass" : "fail"
            case "spf": evaluated.spf = try field.word() == "pass" ? "pass" : "fail"
            default: break
            }
        }

        mutating func putIdentifiers(_ field: Field) throws(ReportError) {
            switch field.name {
            case "header_from": identifiers.headerFrom = try field.whole().lowercased()
            case "envelope_from": identifiers.envelopeFrom = try field.whole().lowercased()
            case "envelope_to": identifiers.envelopeTo = try field.whole().lowercased()
            default: break
            }
        }

        mutating func endDKIM(_ limits: ReportLimits) throws(ReportError) {
            guard let result = named.result else { return }
            guard dkim.count < limits.results else { throw ReportError(.tooLarge, "a record with many DKIM results") }
            dkim.append(
                DMARCReport.DKIM(
                    domain: named.domain, selector: named.selector, result: result, humanResult: named.human))
        }

        mutating func endSPF(_ limits: ReportLimits) throws(ReportError) {
            guard let result = named.result else { return }
            guard spf.count < limits.results else { throw ReportError(.tooLarge, "a record with many SPF results") }
            spf.append(
                DMARCReport.SPF(domain: named.domain, scope: named.scope, result: result, humanResult: named.human))
        }

        mutating func endReason(_ limits: ReportLimits) throws(ReportError) {
            guard evaluated.reasons.count < limits.results else {
                throw ReportError(.tooLarge, "a record with many reasons")
            }
            evaluated.reasons.append(DMARCReport.Reason(reason.type ?? "other", comment: reason.human))
        }

        func record() throws(ReportError) -> DMARCReport.Record {
            guard let source else { throw ReportError(.invalid, "it has no source_ip") }
            guard let count else { throw ReportError(.invalid, "it has no count") }
            guard !identifiers.headerFrom.isEmpty else { throw ReportError(.invalid, "it has no header_from") }
            var record = DMARCReport.Record(
                source: source, count: count, evaluated: evaluated, identifiers: identifiers)
            record.dkim = dkim
            record.spf = spf
            return record
        }
    }
}
