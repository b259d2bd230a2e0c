import Directory
import IMAPCore
import MailStore
import MailSyntax

// GETMETADATA, SETMETADATA. RFC 5464 §4
extension IMAPSession {
    func getMetadata(_ command: GetMetadataCommand) async throws -> Completion {
        let values: [(entry: MetadataEntry, value: [UInt8]?)]
        if let name = command.mailbox {
            let target = try await annotated(name)
            values = try await annotations(of: target, command.entries, depth: command.depth)
        } else {
            values = try await serverAnnotations(command.entries, depth: command.depth)
        }
        var longest: UInt64?
        var told: [(entry: MetadataEntry, value: [UInt8]?)] = []
        for (entry, value) in values {
            let size = UInt64(clamping: value?.count ?? 0)
            if let limit = command.maximumSize, size > limit {
                longest = max(longest ?? 0, size)
            } else {
                told.append((entry, value))
            }
        }
        for pair in told {
            // One response each: a value may be as large as a piece of output.
            encoder.metadata(command.mailbox, [pair])
            try await flushIfLarge()
        }
        // RFC 5464 §4.2.1
        return .ok(longest.map { .metadataLongEntries($0) }, "Getmetadata completed.")
    }

    func setMetadata(_ command: SetMetadataCommand) async throws -> Completion {
        let limit = MailStore.AnnotationLimits.value
        guard command.changes.allSatisfy({ $0.value?.count ?? 0 <= limit }) else {
            // RFC 5464 §4.3
            throw CommandRefusal.no(.metadataMaximumSize(UInt64(limit)), "A value is too large.")
        }
        let account = try login().id
        guard let name = command.mailbox else {
            guard !command.changes.contains(where: { $0.entry.isShared }) else {
                // RFC 5464 §3.3: creation of server annotations may be restricted
                throw CommandRefusal.no(.noPermission, "Shared server annotations are set by the administrator.")
            }
            try await service.store.setAnnotations(.server, for: account, command.changes.map { .init($0) })
            return .ok("Setmetadata completed.")
        }
        let target = try await annotated(name)
        if command.changes.contains(where: { $0.entry.isShared }), !target.rights.contains(.write) {
            throw CommandRefusal.notPermitted
        }
        var changes = command.changes
        if let use = changes.first(where: { $0.entry == .specialUse }) {
            guard changes.count == 1 else {
                // All or none, and these are two different things.
                throw CommandRefusal.no(.cannot, "Set /private/specialuse by itself.")
            }
            try await setSpecialUse(target, use.value)
            changes = []
        }
        try await service.store.setAnnotations(.mailbox(target.mailbox), for: account, changes.map { .init($0) })
        return .ok("Setmetadata completed.")
    }

    // RFC 5464 §3.3: "l" and one of "r", "s", "w", "i", "p"
    private func annotated(_ name: IMAPMailboxName) async throws -> MailboxTarget {
        let target = try await resolve(name, needing: .lookup)
        guard !target.rights.isDisjoint(with: [.read, .seen, .write, .insert, .post]) else {
            throw CommandRefusal.notPermitted
        }
        return target
    }

    /// What is noted of a mailbox, of the names asked for; nil where a name asked for alone has no value.
    func annotations(
        of target: MailboxTarget, _ entries: [MetadataEntry], depth: MetadataDepth
    ) async throws -> [(entry: MetadataEntry, value: [UInt8]?)] {
        let account = try login().id
        var stored = try await service.store.annotations(.mailbox(target.mailbox), for: account)
        // RFC 6154 §4
        if target.account == account, let use = target.info.specialUse {
            stored.append((MetadataEntry.specialUse.name, Array(IMAPSpecialUse(use).rawValue.utf8)))
        }
        return Self.chosen(from: stored, entries, depth)
    }

    private func serverAnnotations(
        _ entries: [MetadataEntry], depth: MetadataDepth
    ) async throws -> [(entry: MetadataEntry, value: [UInt8]?)] {
        let login = try login()
        var stored = try await service.store.annotations(.server, for: login.id)
        // RFC 5464 §6.2.2: a URI; RFC 5321 §4.5.1: postmaster is always there
        if let domain = login.address.domain {
            stored.append((MetadataEntry.admin.name, Array("mailto:postmaster@\(domain)".utf8)))
        }
        return Self.chosen(from: stored, entries, depth)
    }

    private static func chosen(
        from stored: [(entry: String, value: [UInt8])], _ entries: [MetadataEntry], _ depth: MetadataDepth
    ) -> [(entry: MetadataEntry, value: [UInt8]?)] {
        var found: [(entry: MetadataEntry, value: [UInt8]?)] = []
        for (name, value) in stored {
            guard let entry = MetadataEntry(name, allowsRoot: true) else { continue }
            if entries.contains(where: { depth.includes(entry, below: $0) }) { found.append((entry, value)) }
        }
        if depth == .entry {
            let known = Set(found.map(\.entry))
            found += entries.filter { !known.contains($0) }.map { ($0, nil) }
        }
        return found
    }

    // RFC 6154 §4: as strict as CREATE
    private func setSpecialUse(_ target: MailboxTarget, _ value: [UInt8]?) async throws {
        guard target.account == (try login().id), target.info.selectable, !target.name.isInbox else {
            throw CommandRefusal.no(.noPermission, "This mailbox takes no special use.")
        }
        let names = String(decoding: value ?? [], as: UTF8.self).split(separator: " ")
        guard names.count <= 1 else {
            throw CommandRefusal.no(.useAttribute, "A mailbox takes one special use.")
        }
        var use: SpecialUse?
        if let name = names.first {
            guard let known = IMAPSpecialUse(name: String(name)) else {
                throw CommandRefusal.no(.useAttribute, "A special use that this server doesn't know.")
            }
            use = known.stored
        }
        try await service.store.setSpecialUse(target.account, target.mailbox, use)
    }
}

extension MetadataEntry {
    /// RFC 6154 §4
    static let specialUse = MetadataEntry(constant: "/private/specialuse")
    /// RFC 5464 §3.2.1.1
    static let admin = MetadataEntry(constant: "/shared/admin")
}

extension MailStore.AnnotationChange {
    init(_ change: SetMetadataCommand.Change) {
        self.init(entry: change.entry.name, isShared: change.entry.isShared, value: change.value)
    }
}
