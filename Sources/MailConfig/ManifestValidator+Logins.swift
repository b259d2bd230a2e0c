extension CrossCheck {
    /// Tokens need someone who says whose they are.
    mutating func logins() {
        let oauth2 = "logins.oauth2"
        if manifest.logins.oauth2.introspectionEndpoint == nil {
            let others = ["client_id", "client_secret_file", "ca_file", "discovery"].map { "\(oauth2).\($0)" }
            if let other = others.first(where: { loaded.origin($0) != .standard }) {
                report(
                    other, message: "`\(other)` is set, but `\(oauth2).introspection_endpoint` is not",
                    remedy: "add `introspection_endpoint: https://…` beside it")
            }
        }
        if manifest.logins.oauth2.clientSecretFile != nil, manifest.logins.oauth2.clientID == nil {
            report(
                "\(oauth2).client_secret_file",
                message: "`\(oauth2).client_secret_file` is set, but `\(oauth2).client_id` is not",
                remedy: "add `client_id: …` beside it")
        }
    }
}
