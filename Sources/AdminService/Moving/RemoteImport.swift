import MailConfig
package import MailFetch
import MailMove
import NIOCore
import NIOPosix
import NetTransport
package import SASLCore
import SQLEngine

/// An account of another server whose mail is taken over.
package struct RemoteImportAccount: Sendable {
    /// Whose mail it becomes.
    package var account: String
    package var user: String
    package var password: Secret
    package var host: String?
    /// `password` is an OAuth2 access token.
    package var isToken: Bool

    /// - Parameter host: nil: that of the command.
    package init(account: String, user: String, password: Secret, host: String? = nil, isToken: Bool = false) {
        self.isToken = isToken
        self.account = account
        self.user = user
        self.password = password
        self.host = host
    }

    /// Reads lines of `account,user,password` or `account,user,password,host`; fields may stand in double quotes, lines
    /// that begin with `#` say nothing.
    package static func list(_ text: String) throws -> [RemoteImportAccount] {
        var found: [RemoteImportAccount] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.last == "\r" ? line.dropLast() : line
            guard !line.isEmpty, line.first != "#" else { continue }
            let fields = Self.fields(line)
            guard fields.count == 3 || fields.count == 4, !fields[0].isEmpty, !fields[1].isEmpty, !fields[2].isEmpty
            else {
                throw AdminError(
                    .data, "line \(number + 1) of the list of accounts is not account,user,password",
                    remedy: "quote fields that hold a comma: anna@example.org,anna,\"pass,word\"")
            }
            if number == 0, fields[0].lowercased() == "account" { continue }
            found.append(
                RemoteImportAccount(
                    account: fields[0], user: fields[1], password: Secret(fields[2]),
                    host: fields.count == 4 && !fields[3].isEmpty ? fields[3] : nil))
        }
        return found
    }

    /// RFC 4180 §2
    private static func fields(_ line: Substring) -> [String] {
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var characters = line.makeIterator()
        var pending = characters.next()
        while let character = pending {
            pending = characters.next()
            if isQuoted {
                if character == "\"", pending == "\"" {
                    field.append("\"")
                    pending = characters.next()
                } else if character == "\"" {
                    isQuoted = false
                } else {
                    field.append(character)
                }
            } else if character == "\"", field.isEmpty {
                isQuoted = true
            } else if character == "," {
                fields.append(field)
                field = ""
            } else {
                field.append(character)
            }
        }
        fields.append(field)
        return fields
    }
}

extension CommandContext {
    /// Takes mail of other servers' accounts, one after the other; one that fails does not keep the others.
    ///
    /// - Returns: what came of each, and the first error.
    package func importRemote(
        _ accounts: [RemoteImportAccount], from remote: RemoteHost, filter: FolderFilter
    ) async throws -> (AdminResponse, AdminError?) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let ids = IDGenerator(node: manifest.server.node)
        let connector = RemoteConnector(group: group, contexts: try ClientTLSContexts()) { ids.next() }
        var lines: [String] = []
        var failure: AdminError?
        do {
            try await withSession { session in
                let staging = try StagingFile(folder: Operations.stagingFolder(manifest.storage.dataDirectory))
                for account in accounts {
                    let name = accounts.count > 1 ? "\(account.account) " : ""
                    let progress = MoveProgress(prefix: name)
                    do {
                        let store = MoveSession(session: session, account: account.account)
                        _ = try await store.folders()
                        var from = remote
                        if let host = account.host { from.host = host }
                        try await IMAPImport(
                            from,
                            login: RemoteLogin(
                                user: account.user, secret: account.password, isToken: account.isToken),
                            connector: connector, filter: filter
                        ).run(store: store, staging: staging, observer: progress)
                        progress.finish()
                        lines.append(name + progress.summary("took in"))
                    } catch {
                        progress.finish()
                        try staging.truncate(to: 0)
                        let translated = AdminError(translating: error)
                        if failure == nil { failure = translated }
                        if accounts.count > 1 {
                            lines.append("\(name)\(progress.summary("took in")), then failed: \(translated.message)")
                        }
                    }
                }
            }
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
        return (.done(lines: lines), failure)
    }
}
