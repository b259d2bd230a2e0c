/// Which mechanisms an operator lets be offered.
package struct SASLOffer: Sendable, Equatable {
    /// SCRAM-SHA-256.
    package var scram = true
    /// SCRAM-SHA-256-PLUS beside it.
    package var channelBinding = false
    /// OAUTHBEARER and XOAUTH2: somebody says whose a token is.
    package var tokens = false

    package init(scram: Bool = true, channelBinding: Bool = false, tokens: Bool = false) {
        self.scram = scram
        self.channelBinding = channelBinding
        self.tokens = tokens
    }

    /// Passwords as they are, alone.
    package static let passwords = SASLOffer(scram: false)

    /// What a connection is known by, as far as it matters for the offer; nil: no channel binding here.
    ///
    /// - Parameter endPoint: the digest of the certificate that the client was shown.
    package func binding(endPoint: [UInt8]?) -> ChannelBinding? {
        guard scram, channelBinding, let endPoint else { return nil }
        return ChannelBinding(serverEndPoint: endPoint)
    }

    /// The mechanisms of a connection, the best first.
    ///
    /// - Parameters:
    ///   - isSecure: encrypted; without it there is neither channel binding nor a token.
    ///   - binding: as `binding(endPoint:)` gave it.
    package func mechanisms(isSecure: Bool, binding: ChannelBinding?) -> [SASLMechanism] {
        SASLMechanism.allCases.filter { mechanism in
            switch mechanism {
            case .scramSHA256Plus: scram && isSecure && binding != nil
            case .scramSHA256: scram
            case .plain, .login: true
            case .oauthBearer, .xoauth2: tokens && isSecure
            }
        }
    }
}
