import Directory
import IMAPCore
import MailStore

extension IMAPSession {
    /// One command, by name. Each command's own file says what it needs; here is only the state it may be given in.
    func carryOut(_ command: IMAPCommand) async throws -> Completion {
        switch command.body {
        case .capability: return capability()
        case .noop: return .ok("NOOP completed.")
        case .logout: return logout()
        case .id(let fields): return identify(fields)
        case .startTLS: return try await startTLS(tag: command.tag)
        case .authenticate(let command): return try await authenticate(command)
        case .login(let command): return try await login(command)
        default:
            try requireOpen(try login())
            try requireUIDs(command.body)
            return try await carryOutAuthenticated(command)
        }
    }

    /// Ends the session of an account that was disabled or removed since it logged in.
    func requireOpen(_ account: Account) throws {
        guard service.store.isOpen(account.id) else {
            throw SessionEnd.bye(nil, "Account is disabled.", "disabled")
        }
    }

    private func carryOutAuthenticated(_ command: IMAPCommand) async throws -> Completion {
        switch command.body {
        case .enable(let names): return enable(names)
        case .select(let command): return try await select(command, access: .readWrite)
        case .examine(let command): return try await select(command, access: .readOnly)
        case .create(let command): return try await create(command)
        case .delete(let name): return try await delete(name)
        case .rename(let command): return try await rename(command)
        case .subscribe(let name): return try await subscribe(name)
        case .unsubscribe(let name): return try await unsubscribe(name)
        case .list(let command): return try await list(command)
        case .lsub(let command): return try await lsub(command)
        case .namespace: return namespace()
        case .status(let command): return try await status(command)
        case .compress(let mechanism): return try await compress(mechanism, tag: command.tag)
        case .append(let command, let elements): return try await append(command, elements)
        case .idle: return try await idle(tag: command.tag)
        case .notify(let command): return try await notify(command)
        case .unauthenticate: return try await unauthenticate()
        case .multiSearch(let search): return try await multiSearch(search, tag: command.tag)
        case .getQuota(let root): return try await getQuota(root)
        case .getQuotaRoot(let name): return try await getQuotaRoot(name)
        case .setQuota: return try setQuota()
        case .setACL(let command): return try await setACL(command)
        case .deleteACL(let command): return try await deleteACL(command)
        case .getACL(let name): return try await getACL(name)
        case .listRights(let command): return try await listRights(command)
        case .myRights(let name): return try await myRights(name)
        case .getMetadata(let command): return try await getMetadata(command)
        case .setMetadata(let command): return try await setMetadata(command)
        default: return try await carryOutSelected(command)
        }
    }

    private func carryOutSelected(_ command: IMAPCommand) async throws -> Completion {
        guard selection != nil else { throw CommandRefusal.noMailbox }
        switch command.body {
        case .check: return .ok("Check completed.")
        case .close: return try await close()
        case .unselect: return try await unselect()
        case .expunge: return try await expunge()
        case .uidExpunge(let set): return try await expunge(set)
        case .search(let search): return try await self.search(search, tag: command.tag)
        case .sort(let sort): return try await self.sort(sort, tag: command.tag)
        case .thread(let command): return try await thread(command)
        case .cancelUpdate(let tags): return try cancelUpdate(tags)
        case .fetch(let command): return try await fetch(command)
        case .store(let command): return try await store(command)
        case .copy(let command): return try await copy(command)
        case .move(let command): return try await move(command)
        default: throw CommandRefusal.bad(.serverBug, "Unexpected command.")
        }
    }
}
