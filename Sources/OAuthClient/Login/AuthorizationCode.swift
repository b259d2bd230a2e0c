import MailConfig

/// The authorization-code flow, with a person as the messenger. // RFC 6749 §4.1
enum AuthorizationCode {
    /// The address to open. // RFC 6749 §4.1.1, RFC 7636 §4.3
    static func url(_ oauth2: OAuth2, endpoint: String, pkce: PKCE, state: String, login: String) -> String {
        var form = FormFields([
            "response_type": "code",
            "client_id": oauth2.clientID,
            "redirect_uri": oauth2.redirect,
        ])
        form.add("scope", oauth2.scopes.joined(separator: " "))
        form.add("state", state)
        form.add("code_challenge", pkce.challenge)
        form.add("code_challenge_method", "S256")
        form.add("login_hint", login)
        return endpoint + (endpoint.contains("?") ? "&" : "?") + form.encoded
    }

    /// The code in what a person pasted: the code itself, or the whole address from the browser's address bar.
    ///
    /// - Throws: where the provider refused, the address is of another request, or there is no code.
    // RFC 6749 §4.1.2, RFC 6749 §10.12
    static func code(in pasted: String, state: String?) throws(TokenFailure) -> String {
        let text = pasted.split(whereSeparator: \.isWhitespace).joined()
        guard let mark = text.firstIndex(of: "?") else {
            guard EndpointReply.isTokenText(text), !text.contains("://") else {
                throw TokenFailure(.noToken, "what was pasted holds no code")
            }
            // A code copied out of an address may still be escaped, as Google's `4/0A…` is.
            return text.contains("%") ? FormFields.unescape(text) ?? text : text
        }
        var values: [String: String] = [:]
        for pair in text[text.index(after: mark)...].prefix(while: { $0 != "#" }).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first.flatMap({ FormFields.unescape($0) }), values[name] == nil else { continue }
            values[name] = parts.count > 1 ? FormFields.unescape(parts[1]) : ""
        }
        if let error = values["error"] {
            let more = values["error_description"].map { ": \(PlainWords.clean($0, limit: 300))" } ?? ""
            throw TokenFailure(.noToken, "the provider says \(PlainWords.clean(error, limit: 60))\(more)")
        }
        guard state == nil || values["state"] == state else {
            throw TokenFailure(.noToken, "the address is of another login: its state differs")
        }
        guard let code = values["code"], EndpointReply.isTokenText(code) else {
            throw TokenFailure(.noToken, "the address holds no code")
        }
        return code
    }
}
