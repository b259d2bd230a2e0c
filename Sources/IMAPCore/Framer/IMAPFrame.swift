package import NIOCore

/// What the framer hands to the session, in order.
package enum IMAPFrame: Sendable, Equatable {
    /// A whole command with its literals in place, without its last CRLF.
    case command([UInt8])
    /// A synchronizing literal was announced and fits: send `+ ` before the client goes on. No pause.
    case continuationNeeded
    /// A line in `.authentication` or `.idle` mode, without CRLF. Pauses.
    case line([UInt8])
    /// APPEND up to the `{` of its message. Pauses; answer with `.expect(.appendAccepted)` (for a synchronizing
    /// literal after sending `+ `) or `.expect(.appendRefused)`.
    case appendBegin(prefix: [UInt8], size: Int, literal: IMAPLiteralKind)
    /// A piece of the message, at most `IMAPLimits.appendChunk` octets; a slice that keeps its whole buffer alive.
    case appendData(ByteBuffer)
    /// The rest of APPEND's line, without CRLF; anything but empty is a syntax error.
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
