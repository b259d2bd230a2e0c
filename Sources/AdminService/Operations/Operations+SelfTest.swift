import Directory
import MailConfig
import MailSyntax
import OutboundQueue

extension Operations {
    /// Marks accounts that a self-test made, so that they are found again after a crash.
    private static let accountName = "Martlet self-test"
    private static let accountPrefix = "selftest-"

    func selfTestBegin(_ addressText: String?, sinkPort: Int) async throws -> SelfTestTicket {
        let server = try running("selftest")
        await selfTestSweep()
        guard (1024...65_535).contains(sinkPort) else { throw AdminError(.usage, "the sink's port is \(sinkPort)") }
        let account = try selfTestAccount(addressText)
        guard let domain = account.address.domain else { throw AdminError(.data, "\(account.address) has no domain") }
        let ticket = Self.randomName()
        guard let sinkDomain = DomainName("\(ticket).selftest.martlet.invalid") else {
            throw AdminError(.software, "no name for the sink")
        }
        let entry = SelfTestRegistry.Entry(
            ticket: ticket,
            domain: sinkDomain,
            port: sinkPort,
            account: account.address.description,
            second: nil,
            ends: .now + SelfTestRegistry.lifetime
        )
        guard server.selfTests.add(entry) else {
            throw AdminError(.temporary, "too many self-tests run already", remedy: "try again in some minutes")
        }
        do {
            return try await prepare(ticket, account: account, domain: domain, sinkDomain: sinkDomain, server: server)
        } catch {
            // The first error is the one to tell; what stays behind goes at the next start.
            _ = try? await selfTestEnd(ticket)
            throw error
        }
    }

    private func prepare(
        _ ticket: String,
        account: Account,
        domain: DomainName,
        sinkDomain: DomainName,
        server: any RunningServer
    ) async throws -> SelfTestTicket {
        let passwords = (PasswordGenerator.make(), PasswordGenerator.make())
        try await directory.replaceCredentials(
            of: account.id,
            label: CredentialLabel.selfTest,
            with: try await credentials(passwords.0, label: CredentialLabel.selfTest)
        )
        let address = EmailAddress(localPart: "\(Self.accountPrefix)\(ticket)", domain: domain)
        server.selfTests.setSecond(address.description, of: ticket)
        let second = try await directory.addAccount(
            address,
            name: Self.accountName,
            quota: 10_000_000,
            author: "self-test"
        )
        try await stores.prepareMailboxes(of: second)
        try await directory.replaceCredentials(
            of: second.id,
            label: CredentialLabel.selfTest,
            with: try await credentials(passwords.1, label: CredentialLabel.selfTest)
        )
        return SelfTestTicket(
            ticket: ticket,
            hostname: manifest.server.hostname,
            sender: account.address.description,
            senderPassword: passwords.0,
            second: second.address.description,
            secondPassword: passwords.1,
            remoteRecipient: "sink@\(sinkDomain)",
            listeners: server.status().listeners,
            keys: try await signingKeys(of: account.address),
            tableKeys: tableKeyResults(),
            certificates: []
        )
    }

    func selfTestEnd(_ ticket: String) async throws -> AdminResponse {
        let server = try running("selftest")
        guard let entry = server.selfTests.remove(ticket) else {
            throw AdminError(.noInput, "there is no self-test \(ticket)")
        }
        try await clean(entry)
        return .done(lines: ["the self-test's account and credentials are removed"])
    }

    private func clean(_ entry: SelfTestRegistry.Entry) async throws {
        try await removeQueued(for: entry.domain)
        if let account = EmailAddress(entry.account).flatMap({ directory.snapshot.account($0) }) {
            try await directory.removeCredentials(of: account.id, label: CredentialLabel.selfTest)
        }
        if let second = entry.second.flatMap({ EmailAddress($0) }).flatMap({ directory.snapshot.account($0) }) {
            try await remove(second)
        }
    }

    /// A message that did not reach the sink would bounce to the account otherwise.
    private func removeQueued(for domain: DomainName) async throws {
        var last: MailID?
        repeat {
            let page = try await stores.queue.list(after: last)
            for message in page where message.recipients.allSatisfy({ $0.address.domain == domain }) {
                _ = try await stores.queue.remove(message.id)
            }
            last = page.last?.id
        } while last != nil
    }

    /// Removes what self-tests left that ended without saying so.
    ///
    /// What can't be removed now goes at the next start.
    package func selfTestSweep() async {
        guard let server else { return }
        for entry in server.selfTests.removeExpired() { try? await clean(entry) }
    }

    /// At start: accounts and credentials of self-tests that a stop of the server interrupted.
    package func selfTestRecover() async throws {
        for account in directory.snapshot.accounts where account.name == Self.accountName {
            // A person may have that name too: an account of a self-test has no password that somebody set.
            let labels = try await directory.credentials(of: account.id).map(\.label)
            guard account.address.localPart.hasPrefix(Self.accountPrefix),
                labels.allSatisfy({ $0 == CredentialLabel.selfTest })
            else { continue }
            try await remove(account)
        }
        for account in directory.snapshot.accounts {
            let credentials = try await directory.credentials(of: account.id)
            guard credentials.contains(where: { $0.label == CredentialLabel.selfTest }) else { continue }
            try await directory.removeCredentials(of: account.id, label: CredentialLabel.selfTest)
        }
    }

    private func selfTestAccount(_ text: String?) throws -> Account {
        if let text {
            let account = try requireAccount(text)
            guard account.isEnabled else { throw AdminError(.noUser, "\(account.address) is disabled") }
            return account
        }
        guard let account = directory.snapshot.accounts.first(where: \.isEnabled) else {
            throw AdminError(
                .noUser, "there is no account to test with", remedy: "martlet account add ADDRESS --generate")
        }
        return account
    }

    private static func randomName() -> String {
        let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")
        var source = SystemRandomNumberGenerator()
        return String((0..<12).compactMap { _ in letters.randomElement(using: &source) })
    }
}
