import MailSyntax

// How a route proves who it is.

extension ValueType where Value == RouteLogin {
    static var routeLogin: ValueType {
        .section(
            named: "login", example: "username: user@example.net, password_file: isp.password",
            start: .init(username: ""), exclusive: [["password_file", "password_env", "oauth2"]], fields: fields)
    }

    fileprivate static var fields: [SectionField<Value>] {
        let mechanisms = ValueType<[String]>.list(of: .mechanism, named: "list of mechanisms", example: "PLAIN")
        return [.init("username", \.username, .credential, required: true)]
            + SectionField.secret("password", \.password)
            + [
                .init("oauth2", \.oauth2, ValueType<OAuth2>.oauth2.optional),
                .init("mechanisms", \.mechanisms, mechanisms),
                .init("allow_cleartext", \.allowsClearText, .bool),
            ]
    }
}

extension ValueType where Value == Manifest.Route.SenderLogin {
    static var senderLogin: ValueType {
        .section(
            named: "login", example: "sender: a@example.org, username: a, password_file: a.password",
            start: .init(sender: .any, login: .init(username: "")), origin: \Value.origin,
            exclusive: [["password_file", "password_env", "oauth2"]],
            fields: [.init("sender", \.sender, .addressPattern, required: true)]
                + ValueType<RouteLogin>.fields.map { $0.moved(to: \.login) })
    }
}

extension ValueType where Value == String {
    // RFC 4422 §3.1
    fileprivate static var mechanism: ValueType {
        let known = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]
        let all = known.map { "`\($0)`" }.joined(separator: ", ")
        return .scalar("SASL mechanism", range: all, example: "PLAIN") { text throws(ValueProblem) in
            guard known.contains(text.uppercased()) else {
                throw ValueProblem(message: "is `\(text)`, which is not spoken", remedy: "write one of \(all)")
            }
            return text.uppercased()
        } render: {
            $0
        }
    }
}

extension SectionField {
    /// The same key of a section that has this one's value as a part.
    func moved<Whole>(to place: any WritableKeyPath<Whole, Item> & Sendable) -> SectionField<Whole> {
        SectionField<Whole>(self, place)
    }

    fileprivate init<Part>(_ field: SectionField<Part>, _ place: any WritableKeyPath<Item, Part> & Sendable) {
        key = field.key
        isRequired = field.isRequired
        read = { node, reading, item in field.read(node, &reading, &item[keyPath: place]) }
        render = { field.render($0[keyPath: place]) }
    }
}
