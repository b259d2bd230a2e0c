import MailConfig

enum MailConfigFuzz {
    static let entries = [FuzzEntry("manifest", manifest)]

    static func manifest(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let count = input.choice(3)
        var environment: [String: String] = [:]
        for _ in 0..<count {
            let line = String(decoding: input.line(), as: UTF8.self)
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            environment["MARTLET_\(parts[0])"] = parts[1]
        }
        let text = String(decoding: input.remainder(), as: UTF8.self)
        switch ManifestLoader.load(text: text, file: "/etc/martlet/martlet.yaml", environment: environment) {
        case .success: break
        case .failure(let errors): precondition(!errors.description.isEmpty, "a refusal says nothing")
        }
    }
}
