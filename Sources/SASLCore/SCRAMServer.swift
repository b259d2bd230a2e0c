import MailSyntax

/// What a TLS connection is known by to both of its ends. RFC 5929
package struct ChannelBinding: Sendable, Equatable {
    /// The digest of the server's certificate. RFC 5929 §4.1
    package let serverEndPoint: [UInt8]

    package init(serverEndPoint: [UInt8]) {
        self.serverEndPoint = serverEndPoint
    }

    /// The registered name of the only kind that there is here.
    static let name = Array("tls-server-end-point".utf8)
}

/// The server's side of SCRAM-SHA-256, with channel binding and without. RFC 5802 §5, RFC 7677
///
/// The client's first message names the login; the verifier is asked for and handed in; the client's final message is
/// checked against it, and the server's proof goes out as a last challenge, which the client answers with nothing.
struct SCRAMServer: Sendable {
    private enum State {
        case awaitingFirst
        case awaitingVerifier(First)
        case awaitingFinal(First, SCRAMVerifier, serverFirst: [UInt8])
        /// The server's proof is out.
        case awaitingAcknowledgement
        case over
    }

    /// What the first message says.
    private struct First {
        /// With its last comma.
        var header: [UInt8]
        var bindsChannel: Bool
        var bare: [UInt8]
        var login: String
        /// The client's and ours.
        var nonce: [UInt8]
    }

    /// The longest nonce of a client in octets.
    private static let longestNonce = 256

    private let requiresBinding: Bool
    private let binding: ChannelBinding?
    private let nonce: [UInt8]
    private var state = State.awaitingFirst

    /// - Parameter binding: nil where it was not offered.
    init(requiresBinding: Bool, binding: ChannelBinding?, nonce: String) {
        self.requiresBinding = requiresBinding
        self.binding = binding
        self.nonce = Array(nonce.utf8)
    }

    mutating func respond(_ message: [UInt8]) -> SASLStep {
        switch state {
        case .awaitingFirst:
            do throws(SASLFailure) {
                let first = try readFirst(message)
                state = .awaitingVerifier(first)
                return .verifier(login: first.login)
            } catch {
                return fail(error)
            }
        case .awaitingFinal(let first, let verifier, let serverFirst):
            do throws(SASLFailure) {
                let proof = try check(message, first, verifier, serverFirst)
                state = .awaitingAcknowledgement
                return .challenge(proof)
            } catch {
                return fail(error)
            }
        case .awaitingAcknowledgement:
            state = .over
            return message.isEmpty ? .proven : .failed(.malformed)
        case .awaitingVerifier, .over: return fail(.exchangeOver)
        }
    }

    mutating func provide(_ verifier: SCRAMVerifier) -> SASLStep {
        guard case .awaitingVerifier(let first) = state else { return fail(.exchangeOver) }
        let salt = Base64.encode(verifier.salt)
        let message = Array("r=".utf8) + first.nonce + Array(",s=\(salt),i=\(verifier.iterations)".utf8)
        state = .awaitingFinal(first, verifier, serverFirst: message)
        return .challenge(message)
    }

    private mutating func fail(_ failure: SASLFailure) -> SASLStep {
        state = .over
        return .failed(failure)
    }
}

extension SCRAMServer {
    // RFC 5802 §7: client-first-message = gs2-header client-first-message-bare
    private func readFirst(_ message: [UInt8]) throws(SASLFailure) -> First {
        guard message.count <= 4 * SASLLimits.field else { throw .tooLong }
        let parts = message.split(separator: 0x2C, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let bindsChannel = try readFlag(Array(parts[0]))
        let bare = Array(parts[2])
        // RFC 5802 §5.1: "m=" comes first, and an extension that isn't known fails the exchange
        let fields = bare.split(separator: 0x2C, maxSplits: 16, omittingEmptySubsequences: false)
        guard fields.count >= 2, let name = Self.value(of: fields[0], "n"), let nonce = Self.value(of: fields[1], "r"),
            !nonce.isEmpty, nonce.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw .malformed }
        guard nonce.count <= Self.longestNonce, name.count <= SASLLimits.field else { throw .tooLong }
        let login = try Self.identity(name)
        if !parts[1].isEmpty {
            guard let authzid = Self.value(of: parts[1], "a") else { throw .malformed }
            // An account acts for itself only; addresses compare without regard to case.
            guard try Self.identity(authzid).lowercased() == login.lowercased() else { throw .authorizationDenied }
        }
        return First(
            header: Array(message.prefix(parts[0].count + parts[1].count + 2)), bindsChannel: bindsChannel, bare: bare,
            login: login, nonce: Array(nonce) + self.nonce)
    }

    /// Whether the client binds the channel.
    // RFC 5802 §6
    private func readFlag(_ flag: [UInt8]) throws(SASLFailure) -> Bool {
        switch flag {
        case Array("n".utf8):
            guard !requiresBinding else { throw .malformed }
            return false
        case Array("y".utf8):
            guard !requiresBinding else { throw .malformed }
            // The client can bind and has not seen that we can: somebody took the mechanism out of the list.
            guard binding == nil else { throw .downgrade }
            return false
        default:
            guard flag.starts(with: Array("p=".utf8)), flag.count > 2 else { throw .malformed }
            guard requiresBinding, binding != nil else { throw .malformed }
            guard Array(flag.dropFirst(2)) == ChannelBinding.name else { throw .unsupportedChannelBinding }
            return true
        }
    }

    /// The server's final message. // RFC 5802 §7: client-final-message-without-proof "," proof
    private func check(
        _ message: [UInt8], _ first: First, _ verifier: SCRAMVerifier, _ serverFirst: [UInt8]
    ) throws(SASLFailure) -> [UInt8] {
        guard message.count <= 8 * SASLLimits.field else { throw .tooLong }
        let fields = message.split(separator: 0x2C, maxSplits: 16, omittingEmptySubsequences: false)
        guard fields.count >= 3, let channel = Self.value(of: fields[0], "c").flatMap({ Base64.decode($0) }),
            let nonce = Self.value(of: fields[1], "r"), let last = fields.last,
            let proof = Self.value(of: last, "p").flatMap({ Base64.decode($0) })
        else { throw .malformed }
        // RFC 5802 §5.1: the nonce is the one that the server has sent
        guard constantTimeEqual(Array(nonce), first.nonce) else { throw .wrongProof }
        var expected = first.header
        if first.bindsChannel, let binding { expected += binding.serverEndPoint }
        // RFC 5802 §6
        guard constantTimeEqual(channel, expected) else {
            throw first.bindsChannel ? .channelBinding : .malformed
        }
        let withoutProof = message.prefix(message.count - last.count - 1)
        let authMessage = first.bare + [0x2C] + serverFirst + [0x2C] + withoutProof
        guard verifier.accepts(clientProof: proof, authMessage: authMessage) else { throw .wrongProof }
        return Array("v=\(Base64.encode(verifier.serverSignature(authMessage: authMessage)))".utf8)
    }

    /// The value of `n=…`, of that letter.
    private static func value(of field: ArraySlice<UInt8>, _ letter: Character) -> ArraySlice<UInt8>? {
        guard field.count >= 2, field.first == letter.asciiValue, field.dropFirst().first == 0x3D else { return nil }
        return field.dropFirst(2)
    }

    /// A saslname, prepared. // RFC 5802 §5.1: a comma is "=2C", an equals sign "=3D", and no other "=" is allowed
    static func identity(_ name: ArraySlice<UInt8>) throws(SASLFailure) -> String {
        var octets: [UInt8] = []
        var rest = name
        while let octet = rest.popFirst() {
            guard octet == 0x3D else {
                octets.append(octet)
                continue
            }
            switch Array(rest.prefix(2)) {
            case Array("2C".utf8): octets.append(0x2C)
            case Array("3D".utf8): octets.append(0x3D)
            default: throw .malformed
            }
            rest = rest.dropFirst(2)
        }
        return try SASLServer.identity(octets[...]).get()
    }
}
