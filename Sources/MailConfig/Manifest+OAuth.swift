/// Where access tokens come from, for logins without a password. // RFC 6749, RFC 8628
package struct OAuth2: Sendable, Hashable {
    /// Whose endpoints these are.
    package enum Provider: String, Sendable, CaseIterable {
        case google
        case microsoft
        /// Endpoints are written.
        case custom
    }

    package var provider: Provider
    /// Microsoft's directory: `common`, `organizations`, `consumers`, a domain, or an id.
    package var tenant: String?
    package var clientID: String
    /// nil for clients that have none.
    package var clientSecret: SecretSource?
    package var tokenEndpoint: String
    /// nil where the provider has no device flow for mail.
    package var deviceEndpoint: String?
    /// May have parameters of its own after `?`. // RFC 6749 §3.1
    package var authorizationEndpoint: String?
    /// Where the browser is sent with the code; nothing has to listen there.
    package var redirect: String
    package var scopes: [String]
    /// PEM file of authorities instead of the system's, for the endpoints.
    package var caFile: String?

    /// The address that desktop clients of every provider may use. // RFC 8252 §7.3
    package static let loopbackRedirect = "http://localhost"

    package init(
        provider: Provider = .custom, tenant: String? = nil, clientID: String, clientSecret: SecretSource? = nil,
        tokenEndpoint: String, deviceEndpoint: String? = nil, authorizationEndpoint: String? = nil,
        redirect: String = OAuth2.loopbackRedirect, scopes: [String] = [], caFile: String? = nil
    ) {
        self.provider = provider
        self.tenant = tenant
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.tokenEndpoint = tokenEndpoint
        self.deviceEndpoint = deviceEndpoint
        self.authorizationEndpoint = authorizationEndpoint
        self.redirect = redirect
        self.scopes = scopes
        self.caFile = caFile
    }

    /// What is known of a provider; nil for `custom`.
    ///
    /// - Parameter tenant: for Microsoft; nil is `common`, where accounts of every organisation log in.
    package static func preset(
        _ provider: Provider, tenant: String? = nil, clientID: String, clientSecret: SecretSource? = nil
    ) -> OAuth2? {
        switch provider {
        case .google:
            // Google's device flow does not give the scope of mail; without the two parameters it gives no refresh
            // token the second time.
            OAuth2(
                provider: .google, clientID: clientID, clientSecret: clientSecret,
                tokenEndpoint: "https://oauth2.googleapis.com/token",
                authorizationEndpoint:
                    "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
                scopes: ["https://mail.google.com/"])
        case .microsoft:
            microsoft(
                "https://login.microsoftonline.com/\(tenant ?? "common")/oauth2/v2.0", tenant, clientID, clientSecret)
        case .custom: nil
        }
    }

    private static func microsoft(
        _ base: String, _ tenant: String?, _ clientID: String, _ clientSecret: SecretSource?
    ) -> OAuth2 {
        OAuth2(
            provider: .microsoft, tenant: tenant, clientID: clientID, clientSecret: clientSecret,
            tokenEndpoint: "\(base)/token", deviceEndpoint: "\(base)/devicecode",
            authorizationEndpoint: "\(base)/authorize",
            scopes: ["https://outlook.office.com/SMTP.Send", "offline_access"])
    }
}
