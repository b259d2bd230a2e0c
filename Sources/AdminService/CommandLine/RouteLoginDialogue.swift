import Glibc
import OAuthClient

/// `martlet route login` at a terminal: shows what to do, and waits for it or takes what is pasted.
package struct RouteLoginDialogue {
    package var route: String
    package var sender: String?
    /// The authorization-code flow also where there is a device flow.
    package var wantsCode: Bool
    /// A token file to take instead.
    package var tokenFile: String?
    package var json: Bool

    package init(route: String, sender: String?, wantsCode: Bool, tokenFile: String?, json: Bool) {
        self.route = route
        self.sender = sender
        self.wantsCode = wantsCode
        self.tokenFile = tokenFile
        self.json = json
    }

    package func run(_ context: CommandContext) async throws {
        if let tokenFile {
            let bytes = try FileBytes.read(tokenFile, limit: 64 * 1024)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw AdminError(.data, "\(tokenFile) is not UTF-8 text")
            }
            return try show(try await context.perform(.routeLoginImport(route: route, sender: sender, file: text)))
        }
        let begun = try await context.perform(.routeLoginBegin(route: route, sender: sender, wantsCode: wantsCode))
        try show(begun)
        guard case .loginPrompt(let prompt) = begun else { return }
        switch prompt.way {
        case .device: try await wait(prompt, context)
        case .code:
            let pasted = try FileBytes.firstLine(from: STDIN_FILENO, named: "standard input", limit: 16 * 1024)
            let text = String(decoding: pasted, as: UTF8.self)
            try show(try await context.perform(.routeLoginFinish(prompt: prompt, pasted: text)))
        }
    }

    // RFC 8628 §3.5
    private func wait(_ prompt: LoginPrompt, _ context: CommandContext) async throws {
        var interval = Duration.seconds(prompt.interval)
        let end = ContinuousClock.now + .seconds(prompt.lifetime)
        while ContinuousClock.now < end {
            try await Task.sleep(for: interval)
            do {
                let response = try await context.perform(.routeLoginPoll(prompt: prompt))
                guard case .loginPending(let slowDown) = response else { return try show(response) }
                if slowDown { interval += .seconds(5) }
            } catch let error as AdminError where error.status == .temporary {
                // The network may come back; the code is good until its end.
                interval = min(interval * 2, .seconds(60))
            }
        }
        throw AdminError(.temporary, "nobody logged in before the code was over", remedy: "begin again")
    }

    private func show(_ response: AdminResponse) throws {
        try StandardOutput.write(try response.output(json: json))
    }
}

extension LoginPrompt {
    /// For a person.
    var text: String {
        switch way {
        case .device:
            let direct = directURL.map { "\n    or directly:     \($0)" } ?? ""
            return """
                Log in as \(login):

                    open this page:  \(url)
                    and type:        \(userCode ?? "")\(direct)

                Waiting, at most \(lifetime / 60) minutes …

                """
        case .code:
            return """
                Log in as \(login): open this page in any browser, and allow it.

                    \(url)

                The browser then goes to an address that it can't open. That is as it should be: copy the whole address from
                its address bar, paste it here (or the code alone), and press Enter.


                """
        }
    }

    /// For a program; without the codes that stand for the login.
    var shown: ShownPrompt {
        ShownPrompt(
            route: route, login: login, way: way, url: url, userCode: userCode, directURL: directURL,
            expiresInSeconds: lifetime)
    }

    struct ShownPrompt: Codable {
        var route: String
        var login: String
        var way: Way
        var url: String
        var userCode: String?
        var directURL: String?
        var expiresInSeconds: Int
    }
}
