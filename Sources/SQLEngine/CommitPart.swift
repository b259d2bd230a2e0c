/// Something to be kept in the same commit as something else: both are there after a crash, or neither.
package struct CommitPart: Sendable {
    /// Files that have to be on disk before the commit.
    package let files: [any StagedFile]
    /// Writes the rows; SQL and pure code only, for it may run twice. What it returns is to be called once the commit is
    /// on disk.
    package let write: @Sendable (any SQLWriter) throws -> @Sendable () -> Void

    package init(
        files: [any StagedFile], write: @escaping @Sendable (any SQLWriter) throws -> @Sendable () -> Void
    ) {
        self.files = files
        self.write = write
    }

    /// The same, but what keeps it from being written is only told of: the rest of the commit goes on without it.
    package func optional(otherwise tell: @escaping @Sendable (any Error) -> Void) -> CommitPart {
        CommitPart(files: files) { [write] writer in
            do {
                return try writer.part { try write(writer) }
            } catch {
                return { tell(error) }
            }
        }
    }
}
