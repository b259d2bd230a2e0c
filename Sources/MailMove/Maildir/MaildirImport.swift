import Glibc
import MailSyntax

/// Takes a Maildir with its folders into the store: UIDs, flags, keywords, dates and subscriptions stay as they are.
package struct MaildirImport {
    package let tree: MaildirTree
    private let store: any MoveStore
    private let staging: StagingFile
    private let observer: any MoveObserver

    package init(
        _ tree: MaildirTree, store: any MoveStore, staging: StagingFile, observer: any MoveObserver
    ) {
        self.tree = tree
        self.store = store
        self.staging = staging
        self.observer = observer
    }

    package func run() async throws {
        let uses = UsualNames.uses(of: tree.folders.map(\.path))
        for folder in tree.folders { try await take(folder, use: uses[folder.path]) }
        if let names = tree.subscriptions(), !names.isEmpty { try await store.subscribe(names) }
    }

    private func take(_ folder: MaildirTree.Folder, use: String?) async throws {
        var list = LineReader("\(folder.control)/dovecot-uidlist")
        let listed = Self.nextUID("\(folder.control)/dovecot-uidlist")
        let head = list?.next().flatMap { UIDList.head($0) }.map { found in
            UIDList.Head(uidValidity: found.uidValidity, uidNext: max(found.uidNext, listed), guid: found.guid)
        }
        var files = MaildirListing(folder.directory)
        let words = SmallFile.read("\(folder.control)/dovecot-keywords").map { UIDList.keywords($0) } ?? [:]
        observer.began(folder.path, total: files.count)
        // A Maildir that was copied elsewhere is still the same.
        let source =
            head?.guid.map { ItemHash.of("maildir", $0) } ?? ItemHash.of("maildir", tree.root, folder.path)
        let target = try await FolderImport(
            IncomingFolder(
                path: folder.path, source: source, uidValidity: head?.uidValidity, uidNext: head?.uidNext,
                specialUse: use),
            store: store, staging: staging, observer: observer)
        if head != nil, !target.place.keepsUIDs {
            observer.remark("\(folder.path) holds messages already: those that come get new UIDs")
        }
        if head != nil {
            while let line = list?.next() {
                guard let line = UIDList.line(line), let file = files.take(line.name) else { continue }
                try await take(file, of: folder, line, words, into: target)
            }
        }
        for file in files.rest() { try await take(file, of: folder, nil, words, into: target) }
        try await target.flush()
    }

    /// The UID after the last in a list. Dovecot appends lines without writing the head, and its N, anew.
    private static func nextUID(_ path: String) -> UInt32 {
        var lines = LineReader(path)
        _ = lines?.next()
        var last: UInt32 = 0
        while let line = lines?.next() { last = max(last, UIDList.line(line)?.uid ?? 0) }
        return last == UInt32.max ? last : last + 1
    }

    private func take(
        _ file: MaildirListing.File, of folder: MaildirTree.Folder, _ line: UIDList.Line?, _ words: [Int: String],
        into target: FolderImport
    ) async throws {
        // Files are renamed when flags change; what is before the colon stays.
        let item = ItemHash.of(UIDList.base(file.name[...]))
        guard !target.isKnown(item) else { return target.skip() }
        let path = "\(folder.directory)/\(file.path)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw StagingFile.failure("read \(path)") }
            return observer.remark("\(path) has gone meanwhile: run the import again")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StagingFile.failure("read \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else { return }
        var facts = MessageFacts()
        facts.uid = line?.uid
        facts.uniqueID = line?.uniqueID
        (facts.flags, facts.keywords) = MaildirFlags.read(file.name, keywords: words)
        // Dovecot keeps INTERNALDATE there, in whole seconds.
        facts.date = Timestamp(seconds: Int64(status.st_mtim.tv_sec))
        target.start(facts)
        do {
            try MaildirFile.read(descriptor, path) { try target.write($0) }
        } catch let error as UnreadableFile {
            try target.abandon()
            return observer.passedOver(error)
        }
        try await target.finish(item: item)
    }
}
