package import MailSyntax

/// What a client asks with HOLDFOR or HOLDUNTIL: to send its message later. // RFC 4865 §3
package enum SMTPFutureRelease: Sendable, Hashable {
    /// 1 to 999,999,999 seconds from now.
    case after(seconds: Int)
    /// As it was written too, for reports.
    case until(Timestamp, text: String)

    /// As reports give it back. // RFC 4865 §5.1.2
    package var request: String {
        switch self {
        case .after(let seconds): "for;\(seconds)"
        case .until(_, let text): "until;\(text)"
        }
    }

    /// When the message may go, asked for now.
    package func time(from now: Timestamp) -> Timestamp {
        switch self {
        case .after(let seconds): now.adding(.seconds(seconds))
        case .until(let time, _): time
        }
    }
}

// HOLDFOR and HOLDUNTIL of MAIL.
extension SMTPCommandParser {
    /// `future-release-integer`: no zero in front, nine digits at most.
    // RFC 4865 §3
    static func holdFor(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> SMTPFutureRelease {
        guard let value, value.first != 0x30, let seconds = number(value, digits: 9) else {
            throw .arguments(.badArguments("Bad HOLDFOR value: write seconds, 1 to 999999999"))
        }
        return .after(seconds: seconds)
    }

    // RFC 4865 §3 (deviates): a zone other than UTC, which RFC 3339 §5.6 knows, is understood too.
    static func holdUntil(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> SMTPFutureRelease {
        guard let value, let time = InternetTimestamp.parse(value) else {
            throw .arguments(.badArguments("Bad HOLDUNTIL value: write a time as 2026-11-21T10:00:00Z"))
        }
        return .until(time, text: String(decoding: value, as: UTF8.self))
    }

    // RFC 4865 §4.2
    static func release(
        _ release: SMTPFutureRelease, besides other: SMTPFutureRelease?
    ) throws(SMTPSyntaxError) -> SMTPFutureRelease {
        guard other == nil else { throw .arguments(.badArguments("HOLDFOR and HOLDUNTIL exclude each other")) }
        return release
    }
}
