package import NIOCore

/// What the framer hands to the session, in order.
package enum IMAPFrame: Sendable, Equatable {
    /// A whole command with its literals in place, without its last CRLF.
    case command([UInt8])
    /// A synchronizing literal was announced and fits: send `+ ` before the client goes on. No pause.
    case continuationNeeded
    /// A line in `.authentication` or `.idle` mode, without CRLF. Pauses.
    case line([UInt8])
    /// APPEND or REPLACE up to the `{` of the first literal that is message text. Pauses unless it is `.unasked`; answer
    /// with `.expect(.appendAccepted)` (for a synchronizing literal after sending `+ `) or `.expect(.appendRefused)`.
    case appendBegin(prefix: [UInt8], size: Int, literal: IMAPLiteralKind)
    /// A piece of the message, at most `IMAPLimits.appendChunk` octets; a slice that keeps its whole buffer alive.
    case appendData(ByteBuffer)
    /// What stands between a literal that was streamed and the `{` of the next one: another message, or another part of
    /// the same. Pauses like `appendBegin`.
    case appendNext([UInt8], size: Int, literal: IMAPLiteralKind)
    /// What stands behind the last literal, without CRLF, arguments that came as literals in place.
    case appendEnd([UInt8])
    /// A command over a limit, dropped as a whole; `prefix` holds its first octets, enough for the tag.
    case refused(prefix: [UInt8], IMAPFramingProblem)
    /// Nothing more can be read from this client: say BYE and close.
    case fatal(IMAPFramingProblem)
}

package enum IMAPLiteralKind: Sendable, Equatable {
    case synchronizing
    // RFC 7888 §4
    case nonSynchronizing
    /// Non-synchronizing and of at most `IMAPLimits.appendUnasked` octets: they follow at once, wanted or not.
    case unasked
}

package enum IMAPFramingProblem: Sendable, Equatable {
    case lineTooLong
    case literalTooLarge
    case commandTooLarge
    case tooManyLiterals
}

/// What the session wants to come next.
package enum IMAPFramingMode: Sendable, Equatable {
    /// Commands, with the limits for a client that has not logged in or has.
    case command(IMAPFramingStage)
    /// One line of SASL.
    case authentication
    /// The DONE that ends IDLE.
    case idle
    /// Stream the message just announced.
    case appendAccepted
    /// Don't; a non-synchronizing one is swallowed in silence.
    case appendRefused
}

package enum IMAPFramingStage: Sendable, Equatable {
    case notAuthenticated
    case authenticated
}
