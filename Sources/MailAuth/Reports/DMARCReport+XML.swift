import MailSyntax

extension DMARCReport {
    /// The report as a document of RFC 9990, in the order of its tables.
    ///
    /// Readers of RFC 7489's find each element where they look for it, but for `pct`, and for a result of SPF where SPF was
    /// not checked. What they don't know is the namespace, `discovery_method`, `np`, `testing`, `generator`, a
    /// `human_result` of SPF, the disposition `pass` and the reason `policy_test_mode`.
    package var xml: [UInt8] {
        var writer = XMLText()
        writer.element("feedback", attributes: " xmlns=\"\(Self.namespace)\"") { feedback in
            feedback.element("version", version)
            feedback.element("report_metadata") { metadata.write(to: &$0) }
            feedback.element("policy_published") { policy.write(to: &$0) }
            for record in records { feedback.element("record") { record.write(to: &$0) } }
        }
        return Array(writer.text.utf8)
    }
}

extension DMARCReport.Metadata {
    fileprivate func write(to writer: inout XMLText) {
        writer.element("org_name", organization)
        writer.element("email", email)
        writer.element("extra_contact_info", extraContact)
        writer.element("report_id", reportID)
        writer.element("date_range") {
            $0.element("begin", String(begin.seconds))
            $0.element("end", String(end.seconds))
        }
        // RFC 9990 has one at most.
        if !errors.isEmpty { writer.element("error", errors.joined(separator: "; ")) }
        writer.element("generator", generator)
    }
}

extension DMARCReport.PublishedPolicy {
    fileprivate func write(to writer: inout XMLText) {
        writer.element("domain", domain)
        writer.element("discovery_method", discoveryMethod)
        writer.element("p", policy)
        writer.element("sp", subdomainPolicy)
        writer.element("np", nonexistentPolicy)
        writer.element("fo", failureOptions)
        writer.element("adkim", dkimAlignment)
        writer.element("aspf", spfAlignment)
        writer.element("testing", testing)
        writer.element("pct", percent.map(String.init))
    }
}

extension DMARCReport.Record {
    fileprivate func write(to writer: inout XMLText) {
        writer.element("row") { row in
            row.element("source_ip", source.description)
            row.element("count", String(count))
            row.element("policy_evaluated") { evaluated.write(to: &$0) }
        }
        writer.element("identifiers") {
            $0.element("header_from", identifiers.headerFrom)
            $0.element("envelope_from", identifiers.envelopeFrom)
            $0.element("envelope_to", identifiers.envelopeTo)
        }
        writer.element("auth_results") { results in
            for one in dkim {
                results.element("dkim") {
                    $0.element("domain", one.domain)
                    // RFC 9990 requires it, RFC 7489 did not.
                    $0.element("selector", one.selector ?? "")
                    $0.element("result", one.result)
                    $0.element("human_result", one.humanResult)
                }
            }
            // RFC 9990 has one at most: that of MAIL FROM is all that counts.
            for one in spf.prefix(1) {
                results.element("spf") {
                    $0.element("domain", one.domain)
                    $0.element("scope", one.scope)
                    $0.element("result", one.result)
                    $0.element("human_result", one.humanResult)
                }
            }
        }
    }
}

extension DMARCReport.Evaluated {
    fileprivate func write(to writer: inout XMLText) {
        writer.element("disposition", disposition)
        writer.element("dkim", dkim)
        writer.element("spf", spf)
        for reason in reasons {
            writer.element("reason") {
                $0.element("type", reason.type)
                $0.element("comment", reason.comment)
            }
        }
    }
}
