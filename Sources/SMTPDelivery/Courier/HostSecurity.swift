package import MailAuth
package import MailPolicy

/// What was found out and decided about the security of one host.
package struct HostSecurity: Sendable {
    package var decision: TransportDecision
    /// The domain whose policies were asked for.
    package var domain: String
    /// The records that the certificate is judged by.
    package var records: DANERecords?
    /// The domain's MTA-STS policy, where it has one.
    package var policy: MTASTSPolicy?
    /// What the destination publishes was asked for, so that there is something to report.
    package var isReported = true
    /// What a report says where no session came about, or where the policy could not be had.
    package var failure: TLSReportFailure?
}
