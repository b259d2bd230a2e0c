import MailConfig
package import MailMove

/// Where an import takes mail from.
package enum ImportSource: Sendable {
    /// - `control`: where Dovecot's CONTROL= keeps its lists.
    case maildir(path: String, layout: FolderName.Layout?, control: String?)
    case mbox(path: String, format: MboxFormat, mailbox: String)
}

/// Where an export puts mail.
package enum ExportTarget: Sendable {
    case maildir(path: String, layout: FolderName.Layout, lines: LineEndStyle)
    /// One mailbox into a file, or all of them into a folder.
    case mbox(path: String, mailbox: String?, lines: LineEndStyle)
}

extension CommandContext {
    /// Takes mail into an account, with the operator's rights on files.
    ///
    /// - Returns: what came of it, a line for a person; and whether no message had to be passed over.
    package func importMail(
        _ source: ImportSource, account: String
    ) async throws -> (answer: AdminResponse, isWhole: Bool) {
        let progress = MoveProgress()
        try await withSession { session in
            let store = MoveSession(session: session, account: account)
            // Before anything is read: the account must be there.
            _ = try await store.folders()
            let staging = try StagingFile(folder: Operations.stagingFolder(manifest.storage.dataDirectory))
            do {
                switch source {
                case .maildir(let path, let layout, let control):
                    let tree = try MaildirTree(
                        root: FileBytes.absolute(path), layout: layout, control: control.map(FileBytes.absolute))
                    try await MaildirImport(tree, store: store, staging: staging, observer: progress).run()
                case .mbox(let path, let format, let mailbox):
                    try await MboxImport.run(
                        FileBytes.absolute(path), format: format, mailbox: mailbox, store: store, staging: staging,
                        observer: progress)
                }
            } catch {
                progress.finish()
                throw error
            }
        }
        progress.finish()
        return (.done(lines: [progress.summary("took in")]), progress.missing == 0)
    }

    /// Writes an account's mail into files of the operator's.
    ///
    /// - Returns: what came of it, a line for a person; and whether no message had to be passed over.
    package func exportMail(
        _ target: ExportTarget, account: String
    ) async throws -> (answer: AdminResponse, isWhole: Bool) {
        let progress = MoveProgress()
        try await withSession { session in
            let store = MoveSession(session: session, account: account)
            do {
                switch target {
                case .maildir(let path, let layout, let lines):
                    try await MaildirExport(
                        root: FileBytes.absolute(path), layout: layout, style: lines, store: store, observer: progress
                    ).run()
                case .mbox(let path, let mailbox, let lines):
                    let export = MboxExport(style: lines, store: store, observer: progress)
                    if let mailbox {
                        try await export.one(mailbox, to: FileBytes.absolute(path))
                    } else {
                        try await export.all(into: FileBytes.absolute(path))
                    }
                }
            } catch {
                progress.finish()
                throw error
            }
        }
        progress.finish()
        return (.done(lines: [progress.summary("wrote")]), progress.missing == 0)
    }
}
