import FoundationEssentials
import MailSyntax
import SASLCore

/// A token file as the sasl-xoauth2 plug-in of Postfix keeps it: `access_token`, `refresh_token`, `expiry` (seconds since
/// 1970, as a string or a number; 0: refresh at first use).
struct TokenFile: Decodable {
    private var access: String?
    private var refresh: String?
    private var expiry: LooseNumber?

    enum CodingKeys: String, CodingKey {
        case access = "access_token"
        case refresh = "refresh_token"
        case expiry
    }

    /// The most octets of such a file.
    static let maximumSize = 64 * 1024

    static func read(_ bytes: [UInt8]) throws(TokenFailure) -> OAuthToken {
        guard bytes.count <= maximumSize, let file = try? JSONDecoder().decode(TokenFile.self, from: Data(bytes)) else {
            throw TokenFailure(
                .local,
                "the token file is no JSON object like {\"access_token\": …, \"refresh_token\": …, \"expiry\": …}")
        }
        let access = file.access ?? ""
        let refresh = file.refresh ?? ""
        guard [access, refresh].allSatisfy({ $0.isEmpty || EndpointReply.isTokenText($0) }) else {
            throw TokenFailure(.local, "a token in the token file is no token: it has odd characters")
        }
        guard !access.isEmpty || !refresh.isEmpty else {
            throw TokenFailure(.local, "the token file has neither access_token nor refresh_token")
        }
        let seconds = Int64(clamping: file.expiry?.value ?? 0)
        let isKnown = seconds > 0 && !access.isEmpty
        return OAuthToken(
            access: Secret(access), refresh: refresh.isEmpty ? nil : Secret(refresh),
            expires: Timestamp(seconds: isKnown || !refresh.isEmpty ? max(0, seconds) : Int64.max / 2_000_000))
    }
}
